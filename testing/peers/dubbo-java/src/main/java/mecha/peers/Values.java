package mecha.peers;

import static mecha.peers.Cases.check;
import static mecha.peers.Cases.same;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Cases whose point is what travels: arguments that must come back as they were. */
final class Values {
    private static final Date MOMENT = new Date(1_700_000_000_123L);

    private Values() {}

    static String basicTypes(Echo echo) {
        int calls = 0;
        for (boolean value : new boolean[] {true, false}) {
            same("boolean", value, echo.echoBoolean(value));
            calls++;
        }
        for (byte value : new byte[] {0, 1, -1, Byte.MIN_VALUE, Byte.MAX_VALUE}) {
            same("byte", value, echo.echoByte(value));
            calls++;
        }
        for (short value : new short[] {0, -17, 300, Short.MIN_VALUE, Short.MAX_VALUE}) {
            same("short", value, echo.echoShort(value));
            calls++;
        }
        // The edges of Hessian2's four forms of an int.
        for (int value : new int[] {0, -16, 47, 48, -2048, 2047, 2048, -262144, 262143, 262144, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
            same("int", value, echo.echoInt(value));
            calls++;
        }
        for (long value : new long[] {0, -8, 15, 16, -2048, 2047, -262144, 262143, 1L << 31, Long.MIN_VALUE, Long.MAX_VALUE}) {
            same("long", value, echo.echoLong(value));
            calls++;
        }
        for (float value : new float[] {0, 1, 3.25f, Float.MIN_VALUE, Float.MAX_VALUE}) {
            same("float", value, echo.echoFloat(value));
            calls++;
        }
        for (double value : new double[] {0, 1, -128, 32767, 0.001, Math.PI, Double.MIN_VALUE, Double.NEGATIVE_INFINITY, Double.NaN}) {
            same("double", value, echo.echoDouble(value));
            calls++;
        }
        for (char value : new char[] {'a', '\0', '中'}) {
            same("char", value, echo.echoChar(value));
            calls++;
        }
        for (String value : new String[] {null, "", "a", "x".repeat(31), "x".repeat(32), "x".repeat(1023), "x".repeat(1024), "日本 ☃ 😀", "é".repeat(70_000)}) {
            same("String", value, echo.echoString(value));
            calls++;
        }
        for (int size : new int[] {0, 1, 15, 16, 1023, 1024, 70_000}) {
            byte[] value = EchoService.pattern(size);
            same("byte[]", value, echo.echoBytes(value));
            calls++;
        }
        same("Date", MOMENT, echo.echoDate(MOMENT));
        same("Date of a whole minute", new Date(60_000), echo.echoDate(new Date(60_000)));
        same("BigDecimal", new BigDecimal("12345678901234567890.0123456789"), echo.echoDecimal(new BigDecimal("12345678901234567890.0123456789")));
        same("BigInteger", BigInteger.TWO.pow(200).negate(), echo.echoBigInteger(BigInteger.TWO.pow(200).negate()));
        for (Object value : Arrays.asList(null, true, 1, 1L << 40, 1.5, "text", MOMENT)) {
            same("Object", value, echo.echoObject(value));
            calls++;
        }
        return calls + 4 + " calls";
    }

    static String collections(Echo echo) {
        List<String> list = new ArrayList<>(Arrays.asList("a", null, "", "ü"));
        same("List", list, echo.echoList(list));
        same("empty List", List.of(), echo.echoList(new ArrayList<>()));
        same("null List", null, echo.echoList(null));
        List<String> many = new ArrayList<>();
        for (int n = 0; n < 1000; n++) {
            many.add("element " + n);
        }
        same("long List", many, echo.echoList(many));
        Map<String, Integer> map = new HashMap<>();
        map.put("one", 1);
        map.put("none", null);
        same("Map", map, echo.echoMap(map));
        Set<Long> set = new HashSet<>(List.of(1L, -1L, Long.MAX_VALUE));
        same("Set", set, echo.echoSet(set));
        same("int[]", new int[] {1, -1, Integer.MAX_VALUE}, echo.echoInts(new int[] {1, -1, Integer.MAX_VALUE}));
        same("String[]", new String[] {"a", null, "b"}, echo.echoStrings(new String[] {"a", null, "b"}));
        Map<String, List<Integer>> inner = new LinkedHashMap<>();
        inner.put("primes", new ArrayList<>(List.of(2, 3, 5, 7)));
        inner.put("none", new ArrayList<>());
        List<Map<String, List<Integer>>> nested = new ArrayList<>();
        nested.add(inner);
        nested.add(new LinkedHashMap<>());
        same("nested", nested, echo.echoNested(nested));
        same("several arguments", "a 1 x,y", echo.join("a", 1, new ArrayList<>(List.of("x", "y"))));
        return "lists, maps, sets, arrays, nested";
    }

    static String enums(Echo echo) {
        for (Color value : Color.values()) {
            check(echo.echoColor(value) == value, "not the constant " + value);
        }
        same("null", null, echo.echoColor(null));
        Map<Color, Integer> colors = new EnumMap<>(Color.class);
        colors.put(Color.RED, 1);
        colors.put(Color.BLUE, 3);
        same("keys of a map", colors, echo.echoColors(new HashMap<>(colors)));
        return "values, null, keys";
    }

    static String pojo(Echo echo) {
        Person child = new Person("Byron", 3);
        Person person = new Person("Ada", 36);
        person.setMember(true);
        person.setSince(MOMENT);
        person.setColor(Color.GREEN);
        person.setFriend(new Person("Charles", 44));
        person.setChildren(new ArrayList<>(List.of(child, child)));
        person.setExtras(new HashMap<>(Map.of("height", 1.65, "tags", new ArrayList<>(List.of("a", "b")))));
        Person back = echo.echoPerson(person);
        same("a person", person, back);
        check(back.getChildren().get(0) == back.getChildren().get(1), "one object that was sent twice came back as two");
        Node root = new Node("root", null);
        Node left = new Node("left", root);
        new Node("leaf", left);
        Node graph = echo.echoNode(root);
        same("the root's name", "root", graph.getName());
        check(graph.getChildren().get(0).getParent() == graph, "the child does not point back at its parent");
        same("the leaf's name", "leaf", graph.getChildren().get(0).getChildren().get(0).getName());
        return "nested, shared and cyclic objects";
    }
}
