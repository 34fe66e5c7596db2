// What the programs of both libraries share: the end that comes from stdin, and the ledgers of
// JavaHammer and JavaMember.
use std::fs::File;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::Failure;

#[derive(Clone)]
pub struct Ledger(Arc<Mutex<File>>);

impl Ledger {
    pub fn create(path: &str) -> Result<Ledger, Failure> {
        Ok(Ledger(Arc::new(Mutex::new(File::create(path)?))))
    }

    pub fn line(&self, text: std::fmt::Arguments) {
        let mut file = self.0.lock().expect("the ledger");
        file.write_all(format!("{text}\n").as_bytes())
            .expect("a line of the ledger");
    }

    pub fn sent(&self, number: i64, partition: i32, what: Result<i64, String>) {
        match what {
            Ok(offset) => self.line(format_args!("ack {number} {partition} {offset}")),
            Err(problem) => self.line(format_args!("fail {number} {partition} {problem}")),
        }
    }
}

#[derive(Clone)]
pub struct Stopped(Arc<AtomicBool>);

impl Stopped {
    // Becomes true when stdin closes or says something.
    pub fn watch() -> Stopped {
        let stopped = Stopped(Arc::new(AtomicBool::new(false)));
        let told = stopped.clone();
        std::thread::spawn(move || {
            let _ = std::io::stdin().read(&mut [0]);
            told.0.store(true, Ordering::SeqCst);
        });
        stopped
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

pub fn value_of(number: i64) -> Vec<u8> {
    format!("rust {number:012}").into_bytes()
}

// Between two records of one of so many partitions, where PAUSE_MS is between any two.
pub async fn pause(milliseconds: u64, partitions: i32) {
    tokio::time::sleep(Duration::from_millis(milliseconds * partitions as u64)).await;
}
