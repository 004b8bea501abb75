//! Names to addresses, by the system's resolver.
//!
//! It promises: a name whose servers hang takes one thread, however many calls ask for it, and after one call
//! has waited in vain the next are told so at once: other names go on. Addresses are not kept.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::watch;

use super::UpstreamError;

/// What a name stands for, or why not.
type Answer = Result<Vec<IpAddr>, Arc<str>>;
/// Asks, and blocks until there is an answer.
type Ask = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;
/// Questions under way. Each is on a thread, or waits for one.
type Asked = Mutex<HashMap<String, watch::Receiver<Option<Answer>>>>;

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;
/// For how long a name that did not answer in time is not waited for again.
const HUNG_FOR: Duration = Duration::from_secs(2);
const MAX_HUNG: u64 = 1_024;

pub(super) struct Resolver {
    ask: Arc<Ask>,
    asked: Arc<Asked>,
    hung: Cache<String, ()>,
}

impl Resolver {
    pub(super) fn new() -> Self {
        Self::with(Arc::new(|name: &str| {
            let addresses = (name, 0).to_socket_addrs()?;
            Ok(addresses.take(MAX_ADDRESSES).map(|address| address.ip()).collect())
        }))
    }

    fn with(ask: Arc<Ask>) -> Self {
        let hung = Cache::builder().max_capacity(MAX_HUNG).time_to_live(HUNG_FOR).build();
        Self { ask, asked: Arc::default(), hung }
    }

    /// The addresses now. The caller bounds the wait, and says with [`Self::gave_up`] that it was in vain.
    pub(super) async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, UpstreamError> {
        if self.hung.contains_key(name) {
            return Err(UpstreamError::Connect(
                "its name servers did not answer in time just now".to_owned(),
            ));
        }
        let mut answer = self.question(name);
        let answer = match answer.wait_for(Option::is_some).await {
            Ok(answer) => answer.clone(),
            Err(_) => None,
        };
        match answer {
            Some(Ok(addresses)) => Ok(addresses),
            Some(Err(error)) => Err(UpstreamError::Connect(format!("its name can't be resolved: {error}"))),
            None => Err(UpstreamError::Connect("the question for its name was dropped".to_owned())),
        }
    }

    /// A connection did not come about in time: if its name was still asked for, that is why.
    pub(super) fn gave_up(&self, name: &str) {
        if lock(&self.asked).contains_key(name) {
            self.hung.insert(name.to_owned(), ());
        }
    }

    /// The question under way, or a new one.
    fn question(&self, name: &str) -> watch::Receiver<Option<Answer>> {
        let mut asked = lock(&self.asked);
        if let Some(answer) = asked.get(name) {
            return answer.clone();
        }
        let (tell, answer) = watch::channel(None);
        asked.insert(name.to_owned(), answer.clone());
        drop(asked);
        let ask = Arc::clone(&self.ask);
        let under_way = UnderWay { asked: Arc::clone(&self.asked), name: name.to_owned() };
        // Not stopped with the call: the thread blocks all the same, and its answer serves the next.
        drop(tokio::task::spawn_blocking(move || {
            let answer = ask(&under_way.name).map_err(|error| Arc::from(error.to_string()));
            // Who asks from here on asks anew.
            drop(under_way);
            tell.send_replace(Some(answer));
        }));
        answer
    }
}

/// Takes its question off the list at its end.
struct UnderWay {
    asked: Arc<Asked>,
    name: String,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        lock(&self.asked).remove(&self.name);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_name_that_hangs_leaves_the_others_alone() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(2)
            .build()
            .unwrap();
        let (answer, hanging) = mpsc::channel::<()>();
        let hanging = Mutex::new(hanging);
        let (asked, questions) = mpsc::channel::<String>();
        let resolver = Resolver::with(Arc::new(move |host: &str| {
            asked.send(host.to_owned()).unwrap();
            if host == "hangs.example" {
                // Until the test has it answer.
                let _ = hanging.lock().unwrap().recv();
            }
            Ok(vec![IpAddr::from([127, 0, 0, 1])])
        }));
        runtime.block_on(async {
            let wait = Duration::from_millis(50);
            let waits = (0..8).map(|_| tokio::time::timeout(wait, resolver.resolve("hangs.example")));
            assert!(futures::future::join_all(waits).await.iter().all(Result::is_err));
            resolver.gave_up("hangs.example");
            let told = resolver.resolve("hangs.example").await.unwrap_err();
            assert!(told.to_string().contains("did not answer in time"), "{told}");
            let other = tokio::time::timeout(Duration::from_secs(10), resolver.resolve("answers.example"));
            assert_eq!(other.await.unwrap().unwrap(), [IpAddr::from([127, 0, 0, 1])]);
            resolver.gave_up("answers.example");
            resolver.resolve("answers.example").await.unwrap();
        });
        drop(answer);
        drop(runtime);
        let questions: Vec<_> = questions.try_iter().collect();
        assert_eq!(questions, ["hangs.example", "answers.example", "answers.example"]);
    }
}
