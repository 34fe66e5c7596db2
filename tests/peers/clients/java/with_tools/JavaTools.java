import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Kafka's command-line tools, one after the other in one process: a JVM of its own would take each
 * a second or two to start.
 *
 * <p>A line of stdin is a command, `{"tool": CLASS, "arguments": [...], "input": TEXT}`; the line
 * of stdout that answers it is `{"status": NUMBER, "output": TEXT, "errors": TEXT}`.
 */
public final class JavaTools {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What the tool that runs wants done when its process ends: a producer is closed there. */
  private static final List<Runnable> hooks = new ArrayList<>();

  /** What a tool meets where it would end the process. */
  private static final class Ended extends Error {
    private static final long serialVersionUID = 1;
    final int status;

    Ended(int status) {
      this.status = status;
    }
  }

  /** Scala keeps the stream that it saw first, so that one stays and its target changes. */
  private static final class Switched extends OutputStream {
    ByteArrayOutputStream target = new ByteArrayOutputStream();

    @Override
    public synchronized void write(int octet) {
      target.write(octet);
    }

    @Override
    public synchronized void write(byte[] octets, int from, int count) {
      target.write(octets, from, count);
    }

    synchronized String take() {
      String text = target.toString(StandardCharsets.UTF_8);
      target.reset();
      return text;
    }
  }

  public static void main(String[] arguments) throws Exception {
    PrintStream answers = System.out;
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    Switched output = new Switched();
    Switched errors = new Switched();
    System.setOut(new PrintStream(output, true));
    System.setErr(new PrintStream(errors, true));
    Exit.setExitProcedure(JavaTools::end);
    Exit.setHaltProcedure(JavaTools::end);
    Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      ObjectNode answer = JSON.createObjectNode();
      answer.put("status", run(JSON.readTree(line)));
      answer.put("output", output.take());
      answer.put("errors", errors.take());
      answers.println(JSON.writeValueAsString(answer));
      answers.flush();
    }
    // Hooks of the JVM itself that tools have left would wait for tools that ended long ago.
    Runtime.getRuntime().halt(0);
  }

  private static void end(int status, String message) {
    if (message != null) System.err.println(message);
    throw new Ended(status);
  }

  private static int run(JsonNode command) throws Exception {
    String[] arguments = JSON.convertValue(command.get("arguments"), String[].class);
    System.setIn(new ByteArrayInputStream(command.get("input").asText().getBytes()));
    try {
      Class.forName(command.get("tool").asText())
          .getMethod("main", String[].class)
          .invoke(null, (Object) arguments);
      return 0;
    } catch (InvocationTargetException thrown) {
      if (thrown.getCause() instanceof Ended ended) return ended.status;
      thrown.getCause().printStackTrace();
      return 1;
    } finally {
      // In a JVM of its own the tool would not be over before they are.
      hooks.forEach(Runnable::run);
      hooks.clear();
    }
  }
}
