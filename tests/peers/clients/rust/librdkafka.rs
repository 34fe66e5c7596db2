// The crate rdkafka, which is librdkafka, behind the same verbs.
use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::util::Timeout;
use serde_json::{json, Value};

use crate::live::{pause, value_of, Ledger, Stopped};
use crate::{bytes, input, text, Failure};

const PATIENCE: Duration = Duration::from_secs(30);

fn settings(bootstrap: &str) -> ClientConfig {
    let mut settings = ClientConfig::new();
    settings
        .set("bootstrap.servers", bootstrap)
        .set("retry.backoff.ms", "20")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "100");
    settings
}

fn producer(bootstrap: &str, codec: &str, acks: &str) -> Result<FutureProducer, Failure> {
    let idempotent = acks == "idempotent";
    Ok(settings(bootstrap)
        .set("compression.codec", codec)
        .set("acks", if idempotent { "all" } else { acks })
        .set("enable.idempotence", idempotent.to_string())
        .create()?)
}

pub async fn produce(bootstrap: &str, topic: &str, acks: &str) -> Result<(), Failure> {
    for (codec, lines) in input()? {
        let producer = producer(bootstrap, &codec, acks)?;
        let mut sent = Vec::new();
        for line in lines {
            let (key, value) = (bytes(&line["key"]), bytes(&line["value"]));
            let mut headers = OwnedHeaders::new();
            for pair in line["headers"].as_array().expect("headers") {
                let value = bytes(&pair[1]);
                headers = headers.insert(Header {
                    key: pair[0].as_str().expect("a name"),
                    value: value.as_ref(),
                });
            }
            let mut record = FutureRecord::to(topic)
                .partition(line["partition"].as_i64().expect("a partition") as i32)
                .timestamp(line["timestamp"].as_i64().expect("a time"))
                .headers(headers);
            record.key = key.as_ref();
            record.payload = value.as_ref();
            sent.push(
                producer
                    .send_result(record)
                    .map_err(|(problem, _)| problem)?,
            );
        }
        for delivered in sent {
            delivered.await?.map_err(|(problem, _)| problem)?;
        }
    }
    Ok(())
}

fn consumer(bootstrap: &str) -> Result<BaseConsumer, Failure> {
    Ok(settings(bootstrap)
        .set("group.id", "reads-all")
        .set("enable.auto.commit", "false")
        .set("check.crcs", "true")
        .create()?)
}

fn line_of(message: &BorrowedMessage) -> Value {
    let mut headers = Vec::new();
    if let Some(found) = message.headers() {
        for header in found.iter() {
            headers.push(json!([header.key, text(&header.value.map(<[u8]>::to_vec))]));
        }
    }
    json!({
        "topic": message.topic(), "partition": message.partition(), "offset": message.offset(),
        "timestamp": message.timestamp().to_millis(), "headers": headers,
        "key": text(&message.key().map(<[u8]>::to_vec)),
        "value": text(&message.payload().map(<[u8]>::to_vec)),
    })
}

pub fn consume(bootstrap: &str, topics: &[&str]) -> Result<(), Failure> {
    let consumer = consumer(bootstrap)?;
    let mut from = TopicPartitionList::new();
    let mut ends = HashMap::new();
    for topic in topics {
        let known = consumer.fetch_metadata(Some(topic), PATIENCE)?;
        for partition in known.topics()[0].partitions() {
            from.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
            let (_, end) = consumer.fetch_watermarks(topic, partition.id(), PATIENCE)?;
            if end > 0 {
                ends.insert((topic.to_string(), partition.id()), end);
            }
        }
    }
    consumer.assign(&from)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    while !ends.is_empty() {
        let message = consumer.poll(PATIENCE).ok_or("nothing more comes")??;
        writeln!(out, "{}", line_of(&message))?;
        let place = (message.topic().to_string(), message.partition());
        if ends
            .get(&place)
            .is_some_and(|end| message.offset() + 1 >= *end)
        {
            ends.remove(&place);
        }
    }
    Ok(out.flush()?)
}

pub fn find_offsets(
    bootstrap: &str,
    topic: &str,
    partition: i32,
    times: &[&str],
) -> Result<(), Failure> {
    let consumer = consumer(bootstrap)?;
    for time in times {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(topic, partition, Offset::Offset(time.parse()?))?;
        let found = consumer.offsets_for_times(asked, PATIENCE)?;
        match found.elements()[0].offset() {
            Offset::Offset(offset) => println!("{offset}"),
            _ => println!("-1"),
        }
    }
    Ok(())
}

pub async fn hammer(
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    ledger: &str,
    pause_ms: u64,
) -> Result<(), Failure> {
    let (ledger, stopped) = (Ledger::create(ledger)?, Stopped::watch());
    let producer = producer(bootstrap, "none", "idempotent")?;
    let mut tasks = Vec::new();
    for partition in 0..partitions {
        let (producer, topic) = (producer.clone(), topic.to_string());
        let (ledger, stopped) = (ledger.clone(), stopped.clone());
        tasks.push(tokio::spawn(async move {
            let mut number = i64::from(partition);
            while !stopped.is_set() {
                let value = value_of(number);
                let record = FutureRecord::<(), _>::to(&topic)
                    .partition(partition)
                    .payload(&value);
                let sent = producer.send(record, Timeout::Never).await;
                let offset = sent
                    .map(|delivered| delivered.offset)
                    .map_err(|(problem, _)| problem.to_string());
                ledger.sent(number, partition, offset);
                number += i64::from(partitions);
                pause(pause_ms, partitions).await;
            }
        }));
    }
    for task in tasks {
        task.await?;
    }
    Ok(())
}

struct Told(Ledger);

impl ClientContext for Told {}

impl ConsumerContext for Told {
    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let (Rebalance::Assign(_), Ok(now)) = (rebalance, consumer.assignment()) {
            let mut words: Vec<String> = now
                .elements()
                .iter()
                .map(|place| place.partition().to_string())
                .collect();
            words.sort();
            self.0.line(format_args!("assigned {}", words.join(" ")));
        }
    }
}

pub fn member(bootstrap: &str, group: &str, topic: &str, ledger: &str) -> Result<(), Failure> {
    let (ledger, stopped) = (Ledger::create(ledger)?, Stopped::watch());
    let consumer: BaseConsumer<Told> = settings(bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", "10000")
        .set("heartbeat.interval.ms", "500")
        .set("fetch.wait.max.ms", "100")
        .create_with_context(Told(ledger.clone()))?;
    consumer.subscribe(&[topic])?;
    while !stopped.is_set() {
        let mut next = HashMap::new();
        let mut wait = Duration::from_millis(100);
        while let Some(polled) = consumer.poll(wait) {
            match polled {
                Ok(message) => {
                    let value = String::from_utf8_lossy(message.payload().unwrap_or_default());
                    let (partition, offset) = (message.partition(), message.offset());
                    ledger.line(format_args!("record {partition} {offset} {value}"));
                    next.insert(partition, offset + 1);
                }
                Err(problem) => eprintln!("{problem}"),
            }
            wait = Duration::from_millis(5);
        }
        if next.is_empty() {
            continue;
        }
        let mut offsets = TopicPartitionList::new();
        for (partition, offset) in &next {
            offsets.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        if let Err(problem) = consumer.commit(&offsets, CommitMode::Sync) {
            eprintln!("{problem}");
            continue;
        }
        for (partition, offset) in next {
            ledger.line(format_args!("committed {partition} {offset}"));
        }
    }
    Ok(())
}
