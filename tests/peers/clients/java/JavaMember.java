import java.io.FileWriter;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A member of a consumer group, which commits what it has read.
 *
 * <pre>
 *   BOOTSTRAP GROUP TOPIC LEDGER
 * </pre>
 *
 * Reads from the group's offsets, or the beginning where there are none, until stdin closes or says
 * something, then leaves. The ledger has a line for each assignment, `assigned PARTITION...`, for
 * each record, `record PARTITION OFFSET VALUE`, and for each commit that was answered, `committed
 * PARTITION OFFSET`.
 */
public final class JavaMember {
  public static void main(String[] arguments) throws Exception {
    Properties settings = JavaClient.settings(arguments[0]);
    settings.put("group.id", arguments[1]);
    settings.put("enable.auto.commit", "false");
    settings.put("session.timeout.ms", "10000");
    settings.put("heartbeat.interval.ms", "500");
    settings.put("max.poll.interval.ms", "20000");
    settings.put("fetch.max.wait.ms", "100");
    settings.put("retry.backoff.ms", "50");
    settings.put("reconnect.backoff.ms", "20");
    settings.put("reconnect.backoff.max.ms", "100");
    AtomicBoolean stopped = new AtomicBoolean();
    Thread watcher = new Thread(() -> stopped.set(JavaHammer.waitForInput()));
    watcher.setDaemon(true);
    watcher.start();
    ByteArrayDeserializer bytes = new ByteArrayDeserializer();
    try (PrintWriter ledger = new PrintWriter(new FileWriter(arguments[3]), true);
        KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(settings, bytes, bytes)) {
      consumer.subscribe(List.of(arguments[2]), new Told(consumer, ledger));
      while (!stopped.get()) {
        step(consumer, ledger);
      }
    }
  }

  private static void step(KafkaConsumer<byte[], byte[]> consumer, PrintWriter ledger) {
    ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(100));
    if (records.isEmpty()) return;
    Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
    for (ConsumerRecord<byte[], byte[]> record : records) {
      int partition = record.partition();
      ledger.println("record " + partition + " " + record.offset() + " " + text(record));
      next.put(
          new TopicPartition(record.topic(), partition),
          new OffsetAndMetadata(record.offset() + 1));
    }
    try {
      consumer.commitSync(next);
    } catch (KafkaException refused) {
      // A rebalance or a dead broker: who has the partitions then reads these records again.
      System.err.println(refused);
      return;
    }
    next.forEach(
        (place, at) -> ledger.println("committed " + place.partition() + " " + at.offset()));
  }

  private static String text(ConsumerRecord<byte[], byte[]> record) {
    return record.value() == null ? "" : new String(record.value());
  }

  private record Told(KafkaConsumer<byte[], byte[]> consumer, PrintWriter ledger)
      implements ConsumerRebalanceListener {
    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> added) {
      ledger.println(
          "assigned "
              + consumer.assignment().stream()
                  .map(place -> String.valueOf(place.partition()))
                  .sorted()
                  .collect(Collectors.joining(" ")));
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> gone) {}
  }
}
