// The Rust clients of the matrix behind the verbs that every client program has:
//
//   clients rdkafka|rskafka produce BOOTSTRAP TOPIC [ACKS]
//       records as JSON lines from stdin, in order; ACKS is 0, 1, all, or idempotent
//   clients rdkafka|rskafka consume BOOTSTRAP TOPIC...
//       every record as a JSON line, until the end offsets
//   clients rdkafka|rskafka times BOOTSTRAP TOPIC PARTITION TIMESTAMP...
//       the offset for each timestamp
//   clients rdkafka|rskafka hammer BOOTSTRAP TOPIC PARTITIONS LEDGER PAUSE_MS
//       numbers, each partition's one after the other, until stdin closes: see JavaHammer
//   clients rdkafka member BOOTSTRAP GROUP TOPIC LEDGER
//       a member of a group, until stdin closes: see JavaMember
mod librdkafka;
mod live;
mod rskafka_client;

use std::io::BufRead;

use base64::{engine::general_purpose::STANDARD, Engine};
use serde_json::Value;

pub type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["rdkafka", rest @ ..] => with_rdkafka(rest).await,
        ["rskafka", rest @ ..] => with_rskafka(rest).await,
        _ => Err("usage: clients rdkafka|rskafka VERB BOOTSTRAP TOPIC...".into()),
    }
}

async fn with_rdkafka(words: &[&str]) -> Result<(), Failure> {
    match words {
        ["produce", bootstrap, topic] => librdkafka::produce(bootstrap, topic, "all").await,
        ["produce", bootstrap, topic, acks] => librdkafka::produce(bootstrap, topic, acks).await,
        ["consume", bootstrap, topics @ ..] => librdkafka::consume(bootstrap, topics),
        ["times", bootstrap, topic, partition, times @ ..] => {
            librdkafka::find_offsets(bootstrap, topic, partition.parse()?, times)
        }
        ["hammer", bootstrap, topic, partitions, ledger, pause_ms] => {
            let (partitions, pause_ms) = (partitions.parse()?, pause_ms.parse()?);
            librdkafka::hammer(bootstrap, topic, partitions, ledger, pause_ms).await
        }
        ["member", bootstrap, group, topic, ledger] => {
            librdkafka::member(bootstrap, group, topic, ledger)
        }
        _ => Err("rdkafka: unknown verb".into()),
    }
}

async fn with_rskafka(words: &[&str]) -> Result<(), Failure> {
    use rskafka_client::within;
    match words {
        ["produce", bootstrap, topic] | ["produce", bootstrap, topic, "all"] => {
            within(rskafka_client::produce(bootstrap, topic)).await
        }
        ["consume", bootstrap, topics @ ..] => {
            within(rskafka_client::consume(bootstrap, topics)).await
        }
        ["times", bootstrap, topic, partition, times @ ..] => {
            let partition = partition.parse()?;
            within(rskafka_client::find_offsets(
                bootstrap, topic, partition, times,
            ))
            .await
        }
        ["hammer", bootstrap, topic, partitions, ledger, pause_ms] => {
            let (partitions, pause_ms) = (partitions.parse()?, pause_ms.parse()?);
            rskafka_client::hammer(bootstrap, topic, partitions, ledger, pause_ms).await
        }
        _ => Err("rskafka: unknown verb; it has acks=all only, and no groups".into()),
    }
}

pub fn bytes(text: &Value) -> Option<Vec<u8>> {
    text.as_str()
        .map(|text| STANDARD.decode(text).expect("base64"))
}

pub fn text(bytes: &Option<Vec<u8>>) -> Value {
    bytes
        .as_ref()
        .map_or(Value::Null, |bytes| Value::String(STANDARD.encode(bytes)))
}

// The records of stdin in runs of one codec.
pub fn input() -> Result<Vec<(String, Vec<Value>)>, Failure> {
    let mut runs: Vec<(String, Vec<Value>)> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let codec = line["codec"].as_str().expect("a codec");
        if runs.last().map(|(last, _)| last.as_str()) != Some(codec) {
            runs.push((codec.to_string(), Vec::new()));
        }
        runs.last_mut().expect("a run").1.push(line);
    }
    Ok(runs)
}
