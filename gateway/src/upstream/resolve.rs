//! Names to addresses, by the system's resolver, for all of the process's runtimes.
//!
//! It promises: a name whose servers hang takes one thread, however many calls ask for it, and after one call
//! has waited in vain the next are told so at once; an organization whose names hang takes [`SHARE`] threads at most,
//! so that the names of others go on. Addresses are not kept (decision 0015).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use events::OrganizationId;
use moka::sync::Cache;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::UpstreamError;

/// What a name stands for, or why not.
type Answer = Result<Vec<IpAddr>, Arc<str>>;
/// Asks, and blocks until there is an answer.
type Ask = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;
/// Questions under way, each on a thread of its own.
type Asked = Mutex<HashMap<String, watch::Receiver<Option<Answer>>>>;

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;
/// For how long a name that did not answer in time is not waited for again.
const HUNG_FOR: Duration = Duration::from_secs(2);
const MAX_HUNG: u64 = 1_024;
/// A thread that resolves a name waits for the system's resolver; threads are made as they are needed.
const THREADS: usize = 256;
/// Threads that one organization's names may take.
const SHARE: usize = 8;
/// Organizations whose share is remembered before those that ask nothing are looked for.
const MANY_SHARES: usize = 1_024;

pub struct Resolver {
    ask: Arc<Ask>,
    asked: Arc<Asked>,
    hung: Cache<String, ()>,
    shares: Mutex<HashMap<OrganizationId, Weak<Semaphore>>>,
    threads: Threads,
}

/// A pool of threads that block. A thread in the system's resolver can't be stopped; it must not hold the process.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Resolver {
    pub fn new() -> io::Result<Self> {
        Self::with(
            THREADS,
            Arc::new(|name: &str| {
                let addresses = (name, 0).to_socket_addrs()?;
                Ok(addresses.take(MAX_ADDRESSES).map(|address| address.ip()).collect())
            }),
        )
    }

    fn with(threads: usize, ask: Arc<Ask>) -> io::Result<Self> {
        let hung = Cache::builder().max_capacity(MAX_HUNG).time_to_live(HUNG_FOR).build();
        // Only its blocking threads are used.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .thread_name("resolver")
            .max_blocking_threads(threads)
            .build()?;
        let (asked, shares, threads) = (Arc::default(), Mutex::default(), Threads(Some(runtime)));
        Ok(Self { ask, asked, hung, shares, threads })
    }

    /// The addresses now. The caller bounds the wait, and says with [`Self::gave_up`] that it was in vain.
    pub(super) async fn resolve(
        &self,
        organization: OrganizationId,
        name: &str,
    ) -> Result<Vec<IpAddr>, UpstreamError> {
        if self.hung.contains_key(name) {
            return Err(UpstreamError::Name("its name servers did not answer in time just now".to_owned()));
        }
        let under_way = lock(&self.asked).get(name).cloned();
        let question = match under_way {
            Some(answer) => Some(answer),
            None => match self.share(organization).acquire_owned().await {
                Ok(thread) => self.question(name, thread),
                Err(_) => None,
            },
        };
        let answer = match question {
            Some(mut answer) => match answer.wait_for(Option::is_some).await {
                Ok(answer) => answer.clone(),
                Err(_) => None,
            },
            None => None,
        };
        match answer {
            Some(Ok(addresses)) => Ok(addresses),
            Some(Err(error)) => Err(UpstreamError::Name(format!("its name can't be resolved: {error}"))),
            None => Err(UpstreamError::Name("the question for its name was dropped".to_owned())),
        }
    }

    /// A connection did not come about in time: if its name was still asked for, that is why.
    pub(super) fn gave_up(&self, name: &str) {
        if lock(&self.asked).contains_key(name) {
            self.hung.insert(name.to_owned(), ());
        }
    }

    /// What an organization may still ask. It lasts as long as somebody waits for it or has a part of it.
    fn share(&self, organization: OrganizationId) -> Arc<Semaphore> {
        let mut shares = lock(&self.shares);
        if let Some(share) = shares.get(&organization).and_then(Weak::upgrade) {
            return share;
        }
        if shares.len() >= MANY_SHARES {
            shares.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(SHARE));
        shares.insert(organization, Arc::downgrade(&share));
        share
    }

    /// The question under way, or a new one. `None`: the process ends.
    fn question(&self, name: &str, thread: OwnedSemaphorePermit) -> Option<watch::Receiver<Option<Answer>>> {
        let pool = self.threads.0.as_ref()?;
        let mut asked = lock(&self.asked);
        // Another may have asked while this waited for its thread.
        if let Some(answer) = asked.get(name) {
            return Some(answer.clone());
        }
        let (tell, answer) = watch::channel(None);
        asked.insert(name.to_owned(), answer.clone());
        drop(asked);
        let ask = Arc::clone(&self.ask);
        let under_way = UnderWay { asked: Arc::clone(&self.asked), name: name.to_owned(), _thread: thread };
        // Not stopped with the call: the thread blocks all the same, and its answer serves the next.
        drop(pool.spawn_blocking(move || {
            let answer = ask(&under_way.name).map_err(|error| Arc::from(error.to_string()));
            // Who asks from here on asks anew.
            drop(under_way);
            tell.send_replace(Some(answer));
        }));
        Some(answer)
    }
}

/// Takes its question off the list at its end, and gives its thread back.
struct UnderWay {
    asked: Arc<Asked>,
    name: String,
    _thread: OwnedSemaphorePermit,
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

    use uuid::Uuid;

    use super::*;

    const A: OrganizationId = OrganizationId::new(Uuid::from_u128(1));
    const B: OrganizationId = OrganizationId::new(Uuid::from_u128(2));
    const WAIT: Duration = Duration::from_millis(50);
    const BOUND: Duration = Duration::from_secs(10);

    /// Names that begin with `hangs` answer when the sender is dropped; the receiver tells what was asked.
    fn resolver(threads: usize) -> (Resolver, mpsc::Sender<()>, mpsc::Receiver<String>) {
        let (answer, hanging) = mpsc::channel::<()>();
        let hanging = Mutex::new(hanging);
        let (asked, questions) = mpsc::channel::<String>();
        let resolver = Resolver::with(
            threads,
            Arc::new(move |host: &str| {
                asked.send(host.to_owned()).unwrap();
                if host.starts_with("hangs") {
                    let _ = hanging.lock().unwrap().recv();
                }
                Ok(vec![IpAddr::from([127, 0, 0, 1])])
            }),
        );
        (resolver.unwrap(), answer, questions)
    }

    #[tokio::test]
    async fn a_name_that_hangs_takes_one_thread() {
        let (resolver, answer, questions) = resolver(2);
        let waits = (0..8).map(|_| tokio::time::timeout(WAIT, resolver.resolve(A, "hangs.example")));
        assert!(futures::future::join_all(waits).await.iter().all(Result::is_err));
        resolver.gave_up("hangs.example");
        let told = resolver.resolve(A, "hangs.example").await.unwrap_err();
        assert!(told.to_string().contains("did not answer in time"), "{told}");
        let other = tokio::time::timeout(BOUND, resolver.resolve(A, "answers.example"));
        assert_eq!(other.await.unwrap().unwrap(), [IpAddr::from([127, 0, 0, 1])]);
        resolver.gave_up("answers.example");
        resolver.resolve(A, "answers.example").await.unwrap();
        drop(answer);
        let questions: Vec<_> = questions.try_iter().collect();
        assert_eq!(questions, ["hangs.example", "answers.example", "answers.example"]);
    }

    #[tokio::test]
    async fn an_organization_whose_names_hang_leaves_the_others_alone() {
        let (resolver, answer, _questions) = resolver(SHARE + 1);
        let names: Vec<_> = (0..100).map(|n| format!("hangs-{n}.example")).collect();
        let waits = names.iter().map(|name| tokio::time::timeout(WAIT, resolver.resolve(A, name)));
        assert!(futures::future::join_all(waits).await.iter().all(Result::is_err));
        let own = tokio::time::timeout(WAIT, resolver.resolve(A, "answers.example")).await;
        assert!(own.is_err(), "its share is taken");
        let other = tokio::time::timeout(BOUND, resolver.resolve(B, "answers.example"));
        other.await.unwrap().unwrap();
        // Its names answer: its share is free again.
        drop(answer);
        tokio::time::timeout(BOUND, resolver.resolve(A, "answers.example")).await.unwrap().unwrap();
    }
}
