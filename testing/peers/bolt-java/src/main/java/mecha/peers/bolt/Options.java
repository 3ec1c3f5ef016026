package mecha.peers.bolt;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A command line: words, and options `--name value`. */
public final class Options {
  public final List<String> words = new ArrayList<>();
  private final Map<String, String> options = new HashMap<>();

  public Options(String[] args) {
    for (int i = 0; i < args.length; i++) {
      if (!args[i].startsWith("--")) words.add(args[i]);
      else if (i + 1 < args.length) options.put(args[i].substring(2), args[++i]);
      else throw new IllegalArgumentException(args[i] + " needs a value");
    }
  }

  /** The word at this place. */
  public String word(int index, String what) {
    if (index >= words.size()) throw new IllegalArgumentException("missing: " + what);
    return words.get(index);
  }

  public String get(String name, String otherwise) {
    return options.getOrDefault(name, otherwise);
  }

  public int number(String name, int otherwise) {
    return options.containsKey(name) ? Integer.parseInt(options.get(name)) : otherwise;
  }
}
