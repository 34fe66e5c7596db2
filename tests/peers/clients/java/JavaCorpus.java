import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Files of frames (a big-endian length, then that many bytes) into partitions and back.
 *
 * <pre>
 *   produce BOOTSTRAP TOPIC CODEC FILE...   FILE i goes to partition i; prints progress
 *   consume BOOTSTRAP TOPIC DIRECTORY       partition i becomes DIRECTORY/i.frames
 * </pre>
 *
 * The producer is idempotent and outlives a broker that dies and comes back.
 */
public final class JavaCorpus {
  private static final int REPORT_EVERY = 200;

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("produce")) {
      List<String> files = List.of(arguments).subList(4, arguments.length);
      produce(arguments[1], arguments[2], arguments[3], files);
    } else {
      consume(arguments[1], arguments[2], Path.of(arguments[3]));
    }
  }

  private static void produce(String bootstrap, String topic, String codec, List<String> files)
      throws Exception {
    Properties settings = JavaClient.settings(bootstrap);
    settings.put("compression.type", codec);
    settings.put("acks", "all");
    settings.put("enable.idempotence", "true");
    settings.put("linger.ms", "5");
    settings.put("batch.size", "65536");
    settings.put("delivery.timeout.ms", "120000");
    settings.put("retry.backoff.ms", "50");
    settings.put("reconnect.backoff.max.ms", "200");
    AtomicReference<Exception> failure = new AtomicReference<>();
    long sent = 0;
    List<DataInputStream> inputs = new ArrayList<>();
    for (String file : files) {
      inputs.add(new DataInputStream(new BufferedInputStream(new FileInputStream(file), 1 << 20)));
    }
    ByteArraySerializer bytes = new ByteArraySerializer();
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings, bytes, bytes)) {
      for (boolean more = true; more; ) {
        more = false;
        for (int partition = 0; partition < inputs.size(); ++partition) {
          byte[] record = next(inputs.get(partition));
          if (record == null) continue;
          more = true;
          producer.send(
              new ProducerRecord<>(topic, partition, null, record),
              (metadata, problem) -> {
                if (problem != null) failure.compareAndSet(null, problem);
              });
          if (++sent % REPORT_EVERY == 0) System.out.println("sent " + sent);
        }
        if (failure.get() != null) throw failure.get();
      }
    }
    if (failure.get() != null) throw failure.get();
    System.out.println("done " + sent);
  }

  private static byte[] next(DataInputStream input) throws Exception {
    try {
      byte[] record = new byte[input.readInt()];
      input.readFully(record);
      return record;
    } catch (EOFException end) {
      return null;
    }
  }

  private static void consume(String bootstrap, String topic, Path directory) throws Exception {
    Map<Integer, DataOutputStream> outputs = new HashMap<>();
    try (KafkaConsumer<byte[], byte[]> consumer = JavaClient.consumer(bootstrap)) {
      List<TopicPartition> partitions = JavaClient.partitions(consumer, List.of(topic));
      for (TopicPartition partition : partitions) {
        Path file = directory.resolve(partition.partition() + ".frames");
        outputs.put(
            partition.partition(),
            new DataOutputStream(
                new BufferedOutputStream(new FileOutputStream(file.toFile()), 1 << 20)));
      }
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (!JavaClient.reached(consumer, ends)) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
          DataOutputStream output = outputs.get(record.partition());
          output.writeInt(record.value().length);
          output.write(record.value());
        }
      }
    }
    for (DataOutputStream output : outputs.values()) output.close();
  }
}
