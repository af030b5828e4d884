//! Implements the command `bench`, which measures how fast this machine runs the networks.

use stuntdouble::Error;
use stuntdouble::bench::{self, BenchJob, KernelTime, Report, StageTime};
use stuntdouble::events::Events;

use super::view::say;

/// Measures, and prints the tables.
pub(super) fn run(job: &BenchJob, events: &Events, json: bool) -> Result<(), Error> {
    let report = bench::run(job, events)?;
    if json {
        let mut event = serde_json::json!({ "event": "bench" });
        if let (Some(event), Ok(serde_json::Value::Object(report))) =
            (event.as_object_mut(), serde_json::to_value(&report))
        {
            event.extend(report);
        }
        say!("{event}");
        return Ok(());
    }
    let Report { instructions, threads, peak_gflops: [f32, bf16], work, load_milliseconds, kernels, stages } = report;
    say!("{instructions}, {threads} threads; limit of one thread {f32:.0} GFLOP/s in f32, {bf16:.0} in bf16");
    say!("{work}\n");
    say!(
        "{:36} {:>10} {:>8} {:>6} {:>10} {:>8} {:>6} {:>9}",
        "kernel",
        "f32 ms",
        "GFLOP/s",
        "share",
        "bf16 ms",
        "GFLOP/s",
        "share",
        "bf16/f32"
    );
    for KernelTime { name, milliseconds: [f32, bf16], gflops, share } in kernels {
        let speed = |of: usize| match (gflops, share) {
            (Some(gflops), Some(share)) => format!("{:8.0} {:4.0} %", gflops[of], share[of]),
            _ => format!("{:>15}", "-"),
        };
        say!("{name:36} {f32:10.3} {} {bf16:10.3} {} {:9.2}", speed(0), speed(1), bf16 / f32);
    }
    say!("\n{:36} {:>10} {:>10} {:>12}", "stage", "first, ms", "ms", "peak MiB");
    say!("{:36} {load_milliseconds:10.1}", "load");
    for StageTime { name, first_milliseconds, milliseconds, peak_mib } in stages {
        let peak = peak_mib.map_or("-".into(), |peak| format!("{peak:.0}"));
        say!("{name:36} {first_milliseconds:10.1} {milliseconds:10.1} {peak:>12}");
    }
    Ok(())
}
