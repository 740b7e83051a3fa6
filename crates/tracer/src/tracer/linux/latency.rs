//! Processors that are idle and yet answer at once.
//!
//! A traced thread that goes on wakes on a processor which has been idle since it stopped. Where idle
//! processors halt, which in a virtual machine is a matter for its host, waking one takes longer than all
//! else about a stop. Source: `Documentation/power/pm_qos_interface.rst` of Linux.

use std::fs::{File, OpenOptions};
use std::io::Write;

/// The latency, in microseconds, that asks for nothing: `PM_QOS_CPU_LATENCY_DEFAULT_VALUE`.
const ANY: i32 = 2_000_000_000;

/// A request to the kernel that no processor may halt; it ends with this value.
///
/// Without the right to make it, or on a kernel that knows no such requests, there is none, and nothing
/// but time is lost.
pub(super) struct Latency {
    device: Option<File>,
    low: bool,
}

impl Latency {
    /// Asks for nothing yet.
    pub(super) fn new() -> Self {
        Self { device: OpenOptions::new().write(true).open("/dev/cpu_dma_latency").ok(), low: false }
    }

    /// Asks that idle processors stay awake, or that they may halt again.
    pub(super) fn keep_low(&mut self, low: bool) {
        let Some(device) = self.device.as_mut().filter(|_| low != self.low) else { return };
        let micros = if low { 0 } else { ANY };
        if device.write_all(&i32::to_ne_bytes(micros)).is_err() {
            self.device = None;
        }
        self.low = low;
    }
}
