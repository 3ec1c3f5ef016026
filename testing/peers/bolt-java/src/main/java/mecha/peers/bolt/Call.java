package mecha.peers.bolt;

import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the client asks of the server: an operation by its name, and its arguments. */
public class Call implements Serializable {
  private static final long serialVersionUID = 1;

  /** echo, id, sleep, bytes, throw, oneways or unserializable. */
  public String op;

  public String text;
  public long number;
  public byte[] bytes;

  /** Travels in the header block of the frame, not in its content; see {@link Headers}. */
  public transient Map<String, String> headers = new LinkedHashMap<>();

  static Call of(String op) {
    Call call = new Call();
    call.op = op;
    return call;
  }

  Call text(String text) {
    this.text = text;
    return this;
  }

  Call number(long number) {
    this.number = number;
    return this;
  }

  Call bytes(byte[] bytes) {
    this.bytes = bytes;
    return this;
  }

  Call header(String name, String value) {
    headers.put(name, value);
    return this;
  }

  /** A call that the server's executor always refuses: it answers that it is busy. */
  public static class Refused implements Serializable {
    private static final long serialVersionUID = 1;
    public String text = "refused";
  }

  /** A call that no processor of the server takes. */
  public static class Orphan implements Serializable {
    private static final long serialVersionUID = 1;
    public String text = "orphan";
  }

  /** A call whose content is no valid Hessian: the server can't read it. */
  public static class Garbled implements Serializable {
    private static final long serialVersionUID = 1;
  }
}
