//! What a process has used, as Linux counts it.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Ticks of `/proc/PID/stat` in a second: USER_HZ, 100 on every architecture that Keyledger is built for.
const TICKS: u32 = 100;

/// Processor time of these processes so far, in user mode and in the kernel.
pub fn processor_time(processes: &[u32]) -> Duration {
    processes.iter().map(|process| of_one(*process)).sum()
}

fn of_one(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    Duration::from_secs(ticks(&stat).expect("proc(5) says what stat holds")) / TICKS
}

/// utime and stime, the 14th and 15th field. The second, a name in parentheses, may hold spaces.
fn ticks(stat: &str) -> Option<u64> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

/// What this thread has used so far.
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(seconds.expect("no time is negative"), nanoseconds.expect("no time is negative"))
}

/// Resident bytes of a process.
pub fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    kilobytes(&status).expect("proc(5) says what status holds") * 1_024
}

fn kilobytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Thousands of connections: as many files as this process may have, and its children with it.
pub fn may_open_many_files() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Processes that run or wait for a core, of the last minute: how quiet the machine is.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_found_behind_a_name_with_spaces() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 3 0 100 1 1";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (short) S 1"), None);
    }

    #[test]
    fn resident_memory_is_told_in_kilobytes() {
        assert_eq!(kilobytes("Name:\tx\nVmRSS:\t    1234 kB\nRssAnon: 1 kB"), Some(1_234));
    }
}
