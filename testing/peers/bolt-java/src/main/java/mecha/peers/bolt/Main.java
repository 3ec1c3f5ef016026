package mecha.peers.bolt;

import java.util.Arrays;
import mecha.peers.sofa.Consumer;
import mecha.peers.sofa.Provider;

/** The peers of this module, each a sub-command. */
public final class Main {
  private static final String USAGE =
      """
      usage: bolt-server PORT ID
             bolt-client HOST:PORT [--protocol 1|2] [--version 1|2] [--crc on|off] [--heartbeat MS] [CASE...]
             bolt-client HOST:PORT [--protocol 1|2] [--version 1|2] [--crc on|off] [--calls N] [--at-once N] [--size BYTES] [--timeout MS] load
             sofa-provider PORT ID
             sofa-consumer HOST:PORT [--timeout MS] [CASE...]
      """;

  private Main() {}

  public static void main(String[] args) throws Exception {
    // The libraries log to files in the user's home unless told otherwise.
    System.setProperty("sofa.middleware.log.disable", "true");
    System.setProperty("logging.path", System.getProperty("java.io.tmpdir") + "/mecha-bolt-java");
    Options options = new Options(args.length == 0 ? args : Arrays.copyOfRange(args, 1, args.length));
    switch (args.length == 0 ? "" : args[0]) {
      case "bolt-server" -> Server.run(options);
      case "bolt-client" -> Client.run(options);
      case "sofa-provider" -> Provider.run(options);
      case "sofa-consumer" -> Consumer.run(options);
      default -> {
        System.err.print(USAGE);
        System.exit(2);
      }
    }
  }
}
