import java.io.FileWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Properties;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * An idempotent producer under load while its broker is killed again and again.
 *
 * <pre>
 *   BOOTSTRAP TOPIC PARTITIONS LEDGER [PAUSE_MS]
 * </pre>
 *
 * Sends the numbers 0, 1, 2, ... round robin over the partitions until stdin closes or says
 * something, then waits for what is in flight; PAUSE_MS is the time between two records. Each
 * acknowledgement is a line of the ledger: `ack NUMBER PARTITION OFFSET`; a failed record is `fail
 * NUMBER PARTITION REASON`.
 */
public final class JavaHammer {
  private static final int IN_FLIGHT_MAX = 2000;

  public static void main(String[] arguments) throws Exception {
    String topic = arguments[1];
    int partitions = Integer.parseInt(arguments[2]);
    Properties settings = JavaClient.settings(arguments[0]);
    settings.put("acks", "all");
    settings.put("enable.idempotence", "true");
    settings.put("linger.ms", "1");
    settings.put("delivery.timeout.ms", "120000");
    settings.put("request.timeout.ms", "10000");
    settings.put("retry.backoff.ms", "20");
    settings.put("reconnect.backoff.ms", "20");
    settings.put("reconnect.backoff.max.ms", "100");
    AtomicBoolean stopped = new AtomicBoolean();
    Thread watcher = new Thread(() -> stopped.set(waitForInput()));
    watcher.setDaemon(true);
    watcher.start();
    long pauseMs = arguments.length > 4 ? Long.parseLong(arguments[4]) : 0;
    Semaphore room = new Semaphore(IN_FLIGHT_MAX);
    ByteArraySerializer bytes = new ByteArraySerializer();
    try (PrintWriter ledger = new PrintWriter(new FileWriter(arguments[3]), true);
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, bytes, bytes)) {
      for (long number = 0; !stopped.get(); ++number) {
        long sent = number;
        int partition = (int) (number % partitions);
        byte[] value = String.format("java %012d", number).getBytes();
        room.acquire();
        if (pauseMs > 0) Thread.sleep(pauseMs);
        producer.send(
            new ProducerRecord<>(topic, partition, null, value),
            (metadata, problem) -> {
              ledger.println(
                  problem == null
                      ? "ack " + sent + " " + partition + " " + metadata.offset()
                      : "fail " + sent + " " + partition + " " + problem);
              room.release();
            });
      }
    }
  }

  static boolean waitForInput() {
    try {
      return System.in.read() >= -1;
    } catch (IOException closed) {
      return true;
    }
  }
}
