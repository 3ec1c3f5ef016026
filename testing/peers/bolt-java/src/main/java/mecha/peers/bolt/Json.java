package mecha.peers.bolt;

import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/** What happened, told as JSON objects, one a line. */
public final class Json {
  private final Map<String, Object> fields = new LinkedHashMap<>();

  /** An object that begins with this field. */
  public static Json of(String name, Object value) {
    return new Json().with(name, value);
  }

  public Json with(String name, Object value) {
    fields.put(name, value);
    return this;
  }

  /** Prints it as one line, in one write. */
  public void tell() {
    String line = text(fields) + "\n";
    synchronized (System.out) {
      System.out.print(line);
      System.out.flush();
    }
  }

  static String text(Object value) {
    if (value == null || value instanceof Number || value instanceof Boolean) return String.valueOf(value);
    if (value instanceof Map<?, ?> map) return object(map);
    if (value instanceof Collection<?> list) return array(list);
    return quoted(value.toString());
  }

  private static String object(Map<?, ?> map) {
    StringBuilder out = new StringBuilder("{");
    map.forEach((name, value) -> out.append(out.length() > 1 ? ", " : "").append(quoted(name.toString())).append(": ").append(text(value)));
    return out.append("}").toString();
  }

  private static String array(Collection<?> list) {
    StringBuilder out = new StringBuilder("[");
    for (Iterator<?> each = list.iterator(); each.hasNext(); ) out.append(text(each.next())).append(each.hasNext() ? ", " : "");
    return out.append("]").toString();
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < ' ' || c > '~') out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }

  /** Bytes that differ from place to place, so that a part in a wrong place shows. */
  public static byte[] pattern(int length) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) bytes[i] = (byte) (i * 31 + (i >> 8));
    return bytes;
  }
}
