package mecha.peers.bolt;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The named cases of a client: each is run, and told of by a line that says whether it went as it should. */
public final class Cases {
  /** What a case found beside `ok`, or an exception where it did not go as it should. */
  public interface Case {
    Object run() throws Exception;
  }

  private final Map<String, Case> cases = new LinkedHashMap<>();

  public void put(String name, Case wanted) {
    cases.put(name, wanted);
  }

  /** Runs these, or all where there are none; the result is whether all went well. */
  public boolean run(List<String> wanted) {
    boolean well = true;
    for (String name : wanted.isEmpty() ? List.copyOf(cases.keySet()) : wanted) well &= tell(name);
    return well;
  }

  private boolean tell(String name) {
    Case wanted = cases.get(name);
    if (wanted == null) throw new IllegalArgumentException("no case " + name + "; there are " + cases.keySet());
    long start = System.nanoTime();
    Json line = Json.of("case", name);
    boolean well = false;
    try {
      Object found = wanted.run();
      well = true;
      line.with("ok", true).with("found", found);
    } catch (Exception | AssertionError problem) {
      line.with("ok", false).with("error", problem.getClass().getSimpleName()).with("message", problem.getMessage());
    }
    line.with("ms", (System.nanoTime() - start) / 1_000_000).tell();
    return well;
  }

  public static void expect(boolean condition, String otherwise) {
    if (!condition) throw new AssertionError(otherwise);
  }

  /** What a call fails with. */
  public static Map<String, Object> failure(Case call) {
    Object answer;
    try {
      answer = call.run();
    } catch (Exception problem) {
      Throwable cause = problem.getCause();
      Map<String, Object> found = new LinkedHashMap<>();
      found.put("exception", problem.getClass().getSimpleName());
      found.put("message", problem.getMessage());
      found.put("cause", cause == null ? null : cause.getMessage());
      return found;
    }
    throw new AssertionError("no exception came, but " + answer);
  }
}
