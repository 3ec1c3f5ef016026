package mecha.peers.sofa;

import java.util.Date;
import java.util.List;
import java.util.Map;

/** The service of the peers; testing/e2e/apps/bolt_server.js has the same for Node. */
public interface Peer {
  String echoString(String value);

  int echoInt(int value);

  long echoLong(long value);

  double echoDouble(double value);

  boolean echoBoolean(boolean value);

  byte[] echoBytes(byte[] value);

  Date echoDate(Date value);

  List<String> echoList(List<String> value);

  Map<String, Object> echoMap(Map<String, Object> value);

  Person echoPerson(Person value);

  /** Answers with its argument after so many milliseconds. */
  long sleep(long ms);

  String fail(String message) throws Trouble;

  /** So many bytes. */
  byte[] bytes(int length);

  /** The properties of the request, as the server received them. */
  Map<String, Object> props();

  /** Called one-way. */
  String note(String text);

  /** How often this text came to `note`. */
  int noted(String text);

  /** The id that the server was started with. */
  String id();
}
