import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's own Java client behind the verbs that every client program of the matrix has; JavaHammer
 * and JavaMember are the other two. It compiles against every version from 2.1 on.
 *
 * <pre>
 *   produce BOOTSTRAP TOPIC [ACKS]                records as JSON lines from stdin, in order; ACKS
 *                                                 is 0, 1, all, or idempotent
 *   consume BOOTSTRAP TOPIC...                    every record as a JSON line, up to the end
 *   times BOOTSTRAP TOPIC PARTITION TIMESTAMP...  the offset for each timestamp, -1 for none
 * </pre>
 */
public final class JavaClient {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] arguments) throws Exception {
    switch (arguments[0]) {
      case "produce" -> {
        String acks = arguments.length > 3 ? arguments[3] : "all";
        produce(arguments[1], arguments[2], acks);
      }
      case "consume" -> consume(arguments[1], List.of(arguments).subList(2, arguments.length));
      case "times" -> times(arguments);
      default -> throw new IllegalArgumentException("unknown verb " + arguments[0]);
    }
  }

  static Properties settings(String bootstrap) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("default.api.timeout.ms", "20000");
    settings.put("auto.offset.reset", "earliest");
    settings.put("check.crcs", "true");
    return settings;
  }

  static KafkaProducer<byte[], byte[]> producer(String bootstrap, String codec, String acks) {
    boolean idempotent = acks.equals("idempotent");
    Properties settings = settings(bootstrap);
    settings.put("compression.type", codec);
    settings.put("acks", idempotent ? "all" : acks);
    settings.put("enable.idempotence", String.valueOf(idempotent));
    settings.put("linger.ms", "5");
    return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
  }

  static KafkaConsumer<byte[], byte[]> consumer(String bootstrap) {
    return new KafkaConsumer<>(
        settings(bootstrap), new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  private static byte[] bytes(JsonNode node) throws Exception {
    return node == null || node.isNull() ? null : node.binaryValue();
  }

  private static void produce(String bootstrap, String topic, String acks) throws Exception {
    Map<String, KafkaProducer<byte[], byte[]>> producers = new HashMap<>();
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    String codec = null;
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      JsonNode record = JSON.readTree(line);
      String next = record.get("codec").asText();
      if (codec != null && !next.equals(codec)) producers.get(codec).flush();
      codec = next;
      ProducerRecord<byte[], byte[]> out =
          new ProducerRecord<>(
              topic,
              record.get("partition").asInt(),
              record.get("timestamp").asLong(),
              bytes(record.get("key")),
              bytes(record.get("value")));
      for (JsonNode header : record.get("headers")) {
        out.headers().add(header.get(0).asText(), bytes(header.get(1)));
      }
      sent.add(producers.computeIfAbsent(codec, name -> producer(bootstrap, name, acks)).send(out));
    }
    for (KafkaProducer<byte[], byte[]> producer : producers.values()) producer.close();
    for (Future<RecordMetadata> acknowledged : sent) acknowledged.get();
  }

  private static void consume(String bootstrap, List<String> topics) throws Exception {
    PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16));
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(bootstrap)) {
      List<TopicPartition> partitions = partitions(consumer, topics);
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (!reached(consumer, ends)) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
          out.println(line(record));
        }
      }
    }
    out.flush();
  }

  static List<TopicPartition> partitions(
      KafkaConsumer<byte[], byte[]> consumer, List<String> topics) {
    List<TopicPartition> partitions = new ArrayList<>();
    for (String topic : topics) {
      consumer
          .partitionsFor(topic)
          .forEach(info -> partitions.add(new TopicPartition(topic, info.partition())));
    }
    return partitions;
  }

  static boolean reached(KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends) {
    return ends.entrySet().stream()
        .allMatch(end -> consumer.position(end.getKey()) >= end.getValue());
  }

  private static String line(ConsumerRecord<byte[], byte[]> record) throws Exception {
    ObjectNode out = JSON.createObjectNode();
    out.put("topic", record.topic());
    out.put("partition", record.partition());
    out.put("offset", record.offset());
    out.put("timestamp", record.timestamp());
    out.put("key", record.key());
    out.put("value", record.value());
    ArrayNode headers = out.putArray("headers");
    for (Header header : record.headers()) {
      headers.addArray().add(header.key()).add(header.value());
    }
    return JSON.writeValueAsString(out);
  }

  private static void times(String[] arguments) throws Exception {
    TopicPartition partition = new TopicPartition(arguments[2], Integer.parseInt(arguments[3]));
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(arguments[1])) {
      for (int i = 4; i < arguments.length; ++i) {
        Map<TopicPartition, Long> wanted = new LinkedHashMap<>();
        wanted.put(partition, Long.parseLong(arguments[i]));
        OffsetAndTimestamp found = consumer.offsetsForTimes(wanted).get(partition);
        System.out.println(found == null ? -1 : found.offset());
      }
    }
  }
}
