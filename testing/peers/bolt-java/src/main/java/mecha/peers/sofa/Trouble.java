package mecha.peers.sofa;

/** An exception that the interface declares. */
public class Trouble extends Exception {
  private static final long serialVersionUID = 1;
  private final int code;

  public Trouble(String message, int code) {
    super(message);
    this.code = code;
  }

  public int code() {
    return code;
  }
}
