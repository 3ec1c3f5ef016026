package mecha.peers.bolt;

import com.alipay.remoting.CustomSerializer;
import com.alipay.remoting.CustomSerializerManager;
import com.alipay.remoting.DefaultCustomSerializer;
import com.alipay.remoting.InvokeContext;
import com.alipay.remoting.exception.CodecException;
import com.alipay.remoting.exception.DeserializationException;
import com.alipay.remoting.exception.SerializationException;
import com.alipay.remoting.rpc.RequestCommand;
import com.alipay.remoting.rpc.ResponseCommand;
import com.alipay.remoting.rpc.RpcCommand;
import com.alipay.remoting.rpc.protocol.RpcRequestCommand;
import com.alipay.remoting.rpc.protocol.RpcResponseCommand;
import com.alipay.remoting.serialization.SerializerManager;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The header block of the frames of {@link Call} and {@link Answer}: keys and values by turns, each behind its length of
 * four bytes, as SOFARPC writes it. The content stays what the library makes of the object.
 */
final class Headers extends DefaultCustomSerializer {
  /** Both sides need it; in a library the class name of the object finds the serializer. */
  static void register() {
    CustomSerializer headers = new Headers();
    CustomSerializerManager.registerCustomSerializer(Call.class.getName(), headers);
    CustomSerializerManager.registerCustomSerializer(Answer.class.getName(), headers);
  }

  static byte[] write(Map<String, String> headers) {
    if (headers == null || headers.isEmpty()) return null;
    int length = headers.entrySet().stream().mapToInt(e -> 8 + utf8(e.getKey()).length + utf8(e.getValue()).length).sum();
    ByteBuffer block = ByteBuffer.allocate(length);
    headers.forEach((name, value) -> put(put(block, name), value));
    return block.array();
  }

  static Map<String, String> read(byte[] block) {
    Map<String, String> headers = new LinkedHashMap<>();
    ByteBuffer rest = ByteBuffer.wrap(block == null ? new byte[0] : block);
    while (rest.hasRemaining()) headers.put(take(rest), take(rest));
    return headers;
  }

  private static byte[] utf8(String text) {
    return text == null ? new byte[0] : text.getBytes(StandardCharsets.UTF_8);
  }

  /** A length of -1 stands for a value that is null. */
  private static ByteBuffer put(ByteBuffer block, String text) {
    byte[] bytes = utf8(text);
    return block.putInt(text == null ? -1 : bytes.length).put(bytes);
  }

  private static String take(ByteBuffer block) {
    int length = block.getInt();
    if (length < 0) return null;
    byte[] bytes = new byte[length];
    block.get(bytes);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Override
  public <T extends RequestCommand> boolean serializeHeader(T request, InvokeContext context) throws SerializationException {
    request.setHeader(write(((Call) ((RpcRequestCommand) request).getRequestObject()).headers));
    return true;
  }

  @Override
  public <T extends ResponseCommand> boolean serializeHeader(T response) throws SerializationException {
    if (((RpcResponseCommand) response).getResponseObject() instanceof Answer answer) response.setHeader(write(answer.headers));
    return true;
  }

  private static <T> T object(RpcCommand command, String className) throws DeserializationException {
    try {
      return SerializerManager.getSerializer(command.getSerializer()).deserialize(command.getContent(), className);
    } catch (CodecException problem) {
      throw new DeserializationException(problem.getMessage(), problem);
    }
  }

  @Override
  public <T extends RequestCommand> boolean deserializeContent(T request) throws DeserializationException {
    RpcRequestCommand command = (RpcRequestCommand) request;
    Call call = object(command, command.getRequestClass());
    call.headers = read(command.getHeader());
    command.setRequestObject(call);
    return true;
  }

  @Override
  public <T extends ResponseCommand> boolean deserializeContent(T response, InvokeContext context) throws DeserializationException {
    RpcResponseCommand command = (RpcResponseCommand) response;
    Object object = object(command, command.getResponseClass());
    if (object instanceof Answer answer) answer.headers = read(command.getHeader());
    command.setResponseObject(object);
    return true;
  }

  /** Writes an object of a class that was not defined before as the content of a {@link Call.Garbled}. */
  static final class Garbling extends DefaultCustomSerializer {
    @Override
    public <T extends RequestCommand> boolean serializeContent(T request, InvokeContext context) {
      request.setContent(new byte[] {'o', (byte) 0x90});
      return true;
    }
  }
}
