package mecha.peers.bolt;

import java.io.Serializable;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the server answers. */
public class Answer implements Serializable {
  private static final long serialVersionUID = 1;

  /** The id that the server was started with. */
  public String server;

  public String text;
  public long number;
  public byte[] bytes;
  /** The header block of the request, as the server read it. */
  public Map<String, String> received;
  /** Set only where the answer shall not be serializable. */
  public Object extra;

  /** Travels in the header block of the frame, not in its content; see {@link Headers}. */
  public transient Map<String, String> headers = new LinkedHashMap<>();
}
