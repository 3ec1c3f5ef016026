package mecha.peers;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The command line: {@code --name value} pairs, and the words between them. */
record Flags(Map<String, String> values, List<String> words) {
    static Flags of(List<String> args) {
        Flags flags = new Flags(new LinkedHashMap<>(), new ArrayList<>());
        for (int at = 0; at < args.size(); at++) {
            String arg = args.get(at);
            if (!arg.startsWith("--")) {
                flags.words.add(arg);
            } else if (at + 1 < args.size()) {
                flags.values.put(arg.substring(2), args.get(++at));
            } else {
                throw new IllegalArgumentException(arg + " needs a value");
            }
        }
        return flags;
    }

    /** The same with some values replaced. */
    Flags with(Map<String, ?> more) {
        Map<String, String> merged = new LinkedHashMap<>(values);
        more.forEach((key, value) -> merged.put(key, String.valueOf(value)));
        return new Flags(merged, words);
    }

    String get(String name) {
        return values.get(name);
    }

    String get(String name, String otherwise) {
        return values.getOrDefault(name, otherwise);
    }

    int number(String name, int otherwise) {
        return values.containsKey(name) ? Integer.parseInt(values.get(name)) : otherwise;
    }
}
