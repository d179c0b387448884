//! Values that come later: a promise, and the future of what it keeps.
//!
//! Knows no executor: whoever polls leaves a waker, and whoever keeps the promise wakes it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::{Error, Result};

/// What a [`Promise`] will give.
#[derive(Debug)]
pub(crate) struct Pending<T>(Arc<Mutex<State<T>>>);

/// The duty to give a value, or an error: dropped without, it gives one of its own.
#[derive(Debug)]
pub(crate) struct Promise<T>(Arc<Mutex<State<T>>>);

#[derive(Debug)]
enum State<T> {
    Waiting(Option<Waker>),
    Done(Result<T>),
    Taken,
}

pub(crate) fn promise<T>() -> (Promise<T>, Pending<T>) {
    let state = Arc::new(Mutex::new(State::Waiting(None)));
    (Promise(Arc::clone(&state)), Pending(state))
}

impl<T> Promise<T> {
    pub(crate) fn keep(self, value: Result<T>) {
        settle(&self.0, value);
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        if matches!(*lock(&self.0), State::Waiting(_)) {
            settle(&self.0, Err(Error::device("what was waited for was given up")));
        }
    }
}

impl<T> Pending<T> {
    /// What is there already.
    pub(crate) fn ready(value: T) -> Self {
        Self(Arc::new(Mutex::new(State::Done(Ok(value)))))
    }

    /// Whether it has come, and `accepts` says so of it.
    pub(crate) fn has_come(&self, accepts: impl FnOnce(&Result<T>) -> bool) -> bool {
        matches!(&*lock(&self.0), State::Done(value) if accepts(value))
    }
}

/// A value is given once: polled again, the future never ends.
impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let mut state = lock(&self.0);
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(value) => Poll::Ready(value),
            State::Waiting(_) => {
                *state = State::Waiting(Some(context.waker().clone()));
                Poll::Pending
            }
            State::Taken => Poll::Pending,
        }
    }
}

fn settle<T>(state: &Mutex<State<T>>, value: Result<T>) {
    let before = std::mem::replace(&mut *lock(state), State::Done(value));
    // Without the lock: a waker may do anything.
    if let State::Waiting(Some(waker)) = before {
        waker.wake();
    }
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    // Every change is one assignment.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn promise_kept_elsewhere_wakes_and_a_broken_one_is_an_error() {
        let (kept, pending) = promise();
        let thread = std::thread::spawn(move || kept.keep(Ok(5)));
        assert!(pollster::block_on(pending).is_ok_and(|five| five == 5));
        thread.join().expect("keeps it");
        let (broken, pending) = promise::<u8>();
        assert!(!pending.has_come(|_| true));
        drop(broken);
        assert!(pending.has_come(Result::is_err));
        let error = pollster::block_on(pending).expect_err("broken");
        assert_eq!(error.kind(), ErrorKind::Device);
    }
}
