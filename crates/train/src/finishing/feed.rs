//! Makes samples from rendered clips and prepared videos on all cores during the run, and forms batches.
//!
//! For any number of threads, clips arrive in the order of their numbers. The last `pool` clips are kept in memory.
//! Each step draws its batch from the samples of these clips with its own random numbers. The settings therefore
//! determine a run completely, as long as each step waits for its new clips (`fresh`). With `patient = false`, steps
//! use the clips that exist and do not wait for the renderer.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use rand::Rng;
use serde::{Deserialize, Serialize};
use stage::Split;

use super::mixed::ClipSource;
use super::sample::{Sample, SampleConfig};
use crate::error::Result;
use crate::trainer::random_of_step;

/// How samples form batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedConfig {
    /// Number of samples in a step.
    pub batch: usize,
    /// Number of clips kept in the pool. Each clip gives at most two samples.
    pub pool: usize,
    /// Number of clips before the first step.
    pub first: u64,
    /// Number of new clips for each step.
    pub fresh: f64,
    /// True if steps wait for their new clips.
    pub patient: bool,
    /// Number of threads that make samples; 0 = one for each core.
    pub threads: usize,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self { batch: 4, pool: 128, first: 8, fresh: 0.5, patient: true, threads: 0 }
    }
}

/// A batch as bytes.
#[derive(Debug)]
pub struct Batch {
    /// Samples.
    pub count: usize,
    /// The planes of all frames.
    pub frames: Vec<u8>,
    /// The planes of the characters' pictures.
    pub characters: Vec<u8>,
    /// Number of clips made so far.
    pub clips: u64,
}

type Made = (u64, Result<Vec<Sample>>);

/// Clips in order.
struct Clips {
    receiver: Receiver<Made>,
    waiting: BTreeMap<u64, Result<Vec<Sample>>>,
    next: u64,
}

impl Clips {
    fn start(first: u64, threads: usize, split: Split, source: &Arc<ClipSource>, config: &SampleConfig) -> Self {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let (sender, receiver) = sync_channel(threads);
        let counter = Arc::new(AtomicU64::new(first));
        for _ in 0..threads {
            let (sender, counter, source, config) = (sender.clone(), counter.clone(), source.clone(), config.clone());
            std::thread::spawn(move || make_clips(&sender, &counter, split, &source, &config));
        }
        Self { receiver, waiting: BTreeMap::new(), next: first }
    }

    /// The next clip; none when it is not ready and `wait` is false.
    fn next(&mut self, wait: bool) -> Option<Result<Vec<Sample>>> {
        loop {
            if let Some(samples) = self.waiting.remove(&self.next) {
                self.next += 1;
                return Some(samples);
            }
            let received = match wait {
                true => self.receiver.recv().map_err(|_| TryRecvError::Disconnected),
                false => self.receiver.try_recv(),
            };
            let (index, samples) = received.ok()?;
            self.waiting.insert(index, samples);
        }
    }
}

fn make_clips(
    sender: &SyncSender<Made>,
    counter: &AtomicU64,
    split: Split,
    source: &ClipSource,
    config: &SampleConfig,
) {
    loop {
        let index = counter.fetch_add(1, Ordering::Relaxed);
        // A clip that cannot be made is skipped. One in thousands must not end a run.
        let made = catch_unwind(AssertUnwindSafe(|| source.samples(index, split, config)));
        if sender.send((index, made.unwrap_or_else(|_| Ok(vec![])))).is_err() {
            return;
        }
    }
}

/// The batches of the steps from `step` on, prepared ahead on another thread.
///
/// # Errors
/// The errors of rendering, which are sent in place of a batch.
pub fn batches(
    step: u64,
    seed: u64,
    split: Split,
    source: Arc<ClipSource>,
    (feed, samples): (FeedConfig, SampleConfig),
) -> Receiver<Result<Batch>> {
    let (sender, receiver) = sync_channel(2);
    std::thread::spawn(move || {
        // The pool of an earlier step is rebuilt.
        let owed = |step: u64| feed.first + (step as f64 * feed.fresh) as u64;
        let start = owed(step).saturating_sub(feed.pool as u64);
        let mut clips = Clips::start(start, feed.threads, split, &source, &samples);
        let mut pool: VecDeque<Vec<Sample>> = VecDeque::new();
        for step in step.. {
            loop {
                let is_short = pool.iter().all(Vec::is_empty) || clips.next < start + feed.first;
                let is_owed = feed.patient && clips.next < owed(step);
                if feed.patient && !is_owed && !is_short {
                    break;
                }
                match clips.next(is_short || is_owed) {
                    Some(Ok(made)) => pool.push_back(made),
                    Some(Err(error)) => {
                        let _ = sender.send(Err(error));
                        return;
                    }
                    None => break,
                }
                while pool.len() > feed.pool {
                    pool.pop_front();
                }
            }
            let known: Vec<&Sample> = pool.iter().flatten().collect();
            let mut random = random_of_step(seed, step);
            let mut batch = Batch { count: feed.batch, frames: vec![], characters: vec![], clips: clips.next };
            for _ in 0..feed.batch {
                let sample = known[random.random_range(0..known.len())];
                batch.frames.extend_from_slice(&sample.frames);
                batch.characters.extend_from_slice(&sample.character);
            }
            if sender.send(Ok(batch)).is_err() {
                return;
            }
        }
    });
    receiver
}
