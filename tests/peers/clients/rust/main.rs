// rskafka behind the three verbs that every client program of the matrix has:
//
//   clients produce BOOTSTRAP TOPIC
//       records as JSON lines from stdin, in order
//   clients consume BOOTSTRAP TOPIC...
//       every record as a JSON line, until the end offsets
//   clients times BOOTSTRAP TOPIC PARTITION TIMESTAMP...
//       the offset for each timestamp
//
// Its headers are a map: of one name only the last value is sent and seen.
use std::collections::BTreeMap;
use std::io::{BufRead, BufWriter, Write};
use std::time::Duration;

use base64::{engine::general_purpose::STANDARD, Engine};
use chrono::DateTime;
use rskafka::client::partition::{Compression, OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use serde_json::{json, Value};

type Failure = Box<dyn std::error::Error>;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["produce", bootstrap, topic] => within(produce(bootstrap, topic)).await,
        ["consume", bootstrap, topics @ ..] => within(consume(bootstrap, topics)).await,
        ["times", bootstrap, topic, partition, times @ ..] => {
            within(find_offsets(bootstrap, topic, partition.parse()?, times)).await
        }
        _ => Err("usage: clients produce|consume|times BOOTSTRAP TOPIC...".into()),
    }
}

// The library tries for ever.
async fn within(
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

fn bytes(text: &Value) -> Option<Vec<u8>> {
    text.as_str()
        .map(|text| STANDARD.decode(text).expect("base64"))
}

fn text(bytes: &Option<Vec<u8>>) -> Value {
    bytes
        .as_ref()
        .map_or(Value::Null, |bytes| Value::String(STANDARD.encode(bytes)))
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

async fn produce(bootstrap: &str, topic: &str) -> Result<(), Failure> {
    let client = connect(bootstrap).await?;
    // Runs of one codec, each by partition.
    let mut runs: Vec<(String, BTreeMap<i32, Vec<Record>>)> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let codec = line["codec"].as_str().expect("a codec");
        if runs.last().map(|(last, _)| last.as_str()) != Some(codec) {
            runs.push((codec.to_string(), BTreeMap::new()));
        }
        let partition = line["partition"].as_i64().expect("a partition") as i32;
        let (_, run) = runs.last_mut().expect("a run");
        run.entry(partition).or_default().push(record_of(&line));
    }
    for (codec, run) in runs {
        for (partition, records) in run {
            let to = partition_of(&client, topic, partition).await?;
            to.produce(records, compression(&codec)).await?;
        }
    }
    Ok(())
}

async fn consume(bootstrap: &str, topics: &[&str]) -> Result<(), Failure> {
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

async fn find_offsets(
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
