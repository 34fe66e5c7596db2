// The crate rskafka behind the verbs; it has no groups.
//
// Its headers are a map: of one name only the last value is sent and seen.
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use serde_json::{json, Value};

use crate::live::{pause, value_of, Ledger, Stopped};
use crate::{bytes, input, text, Failure};

const PATIENCE: Duration = Duration::from_secs(60);

// The library tries for ever.
pub async fn within(
    work: impl std::future::Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    tokio::time::timeout(PATIENCE, work).await?
}

async fn connect(bootstrap: &str) -> Result<Client, Failure> {
    Ok(ClientBuilder::new(vec![bootstrap.to_string()])
        .build()
        .await?)
}

async fn partition_of(
    client: &Client,
    topic: &str,
    partition: i32,
) -> Result<PartitionClient, Failure> {
    Ok(client
        .partition_client(topic, partition, UnknownTopicHandling::Error)
        .await?)
}

fn record_of(line: &Value) -> Record {
    let named = |pair: &Value| {
        (
            pair[0].as_str().expect("a name").to_string(),
            bytes(&pair[1]).unwrap_or_default(),
        )
    };
    Record {
        key: bytes(&line["key"]),
        value: bytes(&line["value"]),
        headers: line["headers"]
            .as_array()
            .expect("headers")
            .iter()
            .map(named)
            .collect(),
        timestamp: DateTime::from_timestamp_millis(line["timestamp"].as_i64().expect("a time"))
            .expect("a time in range"),
    }
}

fn compression(codec: &str) -> Compression {
    match codec {
        "gzip" => Compression::Gzip,
        "snappy" => Compression::Snappy,
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        _ => Compression::NoCompression,
    }
}

pub async fn produce(bootstrap: &str, topic: &str) -> Result<(), Failure> {
    let client = connect(bootstrap).await?;
    for (codec, lines) in input()? {
        let mut run: BTreeMap<i32, Vec<Record>> = BTreeMap::new();
        for line in lines {
            let partition = line["partition"].as_i64().expect("a partition") as i32;
            run.entry(partition).or_default().push(record_of(&line));
        }
        for (partition, records) in run {
            let to = partition_of(&client, topic, partition).await?;
            to.produce(records, compression(&codec)).await?;
        }
    }
    Ok(())
}

pub async fn consume(bootstrap: &str, topics: &[&str]) -> Result<(), Failure> {
    let client = connect(bootstrap).await?;
    let known = client.list_topics().await?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    for topic in topics {
        let found = known
            .iter()
            .find(|each| each.name == *topic)
            .ok_or("no such topic")?;
        for &partition in &found.partitions {
            let from = partition_of(&client, topic, partition).await?;
            let end = from.get_offset(OffsetAt::Latest).await?;
            let mut next = 0;
            while next < end {
                let (records, _) = from.fetch_records(next, 1..1 << 20, 500).await?;
                for found in records {
                    next = found.offset + 1;
                    let record = found.record;
                    let headers: Vec<Value> = record
                        .headers
                        .into_iter()
                        .map(|(name, value)| json!([name, text(&Some(value))]))
                        .collect();
                    let line = json!({
                        "topic": topic, "partition": partition, "offset": found.offset,
                        "timestamp": record.timestamp.timestamp_millis(),
                        "key": text(&record.key), "value": text(&record.value),
                        "headers": headers,
                    });
                    writeln!(out, "{line}")?;
                }
            }
        }
    }
    Ok(out.flush()?)
}

pub async fn find_offsets(
    bootstrap: &str,
    topic: &str,
    partition: i32,
    times: &[&str],
) -> Result<(), Failure> {
    let client = connect(bootstrap).await?;
    let from = partition_of(&client, topic, partition).await?;
    for time in times {
        let at = DateTime::from_timestamp_millis(time.parse()?).ok_or("a time out of range")?;
        println!("{}", from.get_offset(OffsetAt::Timestamp(at)).await?);
    }
    Ok(())
}

fn now() -> DateTime<Utc> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970");
    DateTime::from_timestamp_millis(since.as_millis() as i64).expect("a time in range")
}

// Each partition's records by a client of its own, one after the other.
pub async fn hammer(
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    ledger: &str,
    pause_ms: u64,
) -> Result<(), Failure> {
    let (ledger, stopped) = (Ledger::create(ledger)?, Stopped::watch());
    let mut tasks = Vec::new();
    for partition in 0..partitions {
        let client = connect(bootstrap).await?;
        let to = partition_of(&client, topic, partition).await?;
        let (ledger, stopped) = (ledger.clone(), stopped.clone());
        tasks.push(tokio::spawn(async move {
            let mut number = i64::from(partition);
            while !stopped.is_set() {
                let record = Record {
                    key: None,
                    value: Some(value_of(number)),
                    headers: BTreeMap::new(),
                    timestamp: now(),
                };
                let sent = to.produce(vec![record], Compression::NoCompression).await;
                let offset = sent
                    .map(|done| done[0])
                    .map_err(|problem| problem.to_string());
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
