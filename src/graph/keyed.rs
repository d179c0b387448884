//! Values that are set once, by whoever has their key.
//!
//! Owns [`Keyed`], such a value, and [`Key`].
//!
//! # Note [Keys]
//! A value that any thread may set, once, is set by an exchange, as two may come together: of small tensors that takes
//! a tenth of the time of an addition. The memory of storages is made by whoever has the executor of their device,
//! which is one thread at a time, and so the executor has their key: to set is a store then. Whoever looks needs no
//! key.
#![allow(unsafe_code, reason = "sets what others may look for meanwhile")]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Which key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(u64);

/// Leave to set; there is one of each number.
pub(super) struct Key(Number);

/// A value, once it has been set.
pub(super) struct Keyed<T> {
    number: Number,
    is_set: AtomicBool,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: threads share the value once it is set, and the one that sets it gives it to the one that drops it. Until it
// is set nobody refers to it but who has the key, which is one thread at a time.
unsafe impl<T: Send + Sync> Sync for Keyed<T> {}

impl Default for Key {
    /// A new one.
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(Number(NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Key {
    pub(super) fn number(&self) -> Number {
        self.0
    }
}

impl<T> Keyed<T> {
    /// No value yet.
    pub(super) fn new(number: Number) -> Self {
        Self { number, is_set: AtomicBool::new(false), value: UnsafeCell::new(None) }
    }

    /// A value that is there.
    pub(super) fn with(number: Number, value: T) -> Self {
        Self { number, is_set: AtomicBool::new(true), value: UnsafeCell::new(Some(value)) }
    }

    #[inline]
    pub(super) fn get(&self) -> Option<&T> {
        if self.is_set.load(Ordering::Acquire) {
            // SAFETY: it was set before, as was just seen, and from then on it stays as it is until there is no
            // reference to `self`.
            unsafe { &*self.value.get() }.as_ref()
        } else {
            None
        }
    }

    /// The value, made now if it was not there.
    ///
    /// # Errors
    /// Those of making it.
    ///
    /// # Panics
    /// If this is another's key, which is our own mistake.
    #[inline]
    pub(super) fn get_or_make<E>(
        &self,
        key: &mut Key,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        match self.get() {
            Some(value) => Ok(value),
            None => self.make(key, make),
        }
    }

    /// [`get_or_make`](Self::get_or_make) of a value that is not set.
    #[inline(never)]
    fn make<E>(&self, key: &mut Key, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        assert_eq!(self.number, key.0, "a value is set by whoever has its key");
        let made = Some(make()?);
        assert!(!self.is_set.load(Ordering::Relaxed), "a value is set once");
        // SAFETY: it is not set, as was just seen, and nobody else sets it meanwhile: that takes this key, of which
        // there is one (a `Key` is no `Clone`, and only `default` makes one), and which is borrowed here. So nobody
        // refers to the value, nor will anybody until the store below.
        unsafe { *self.value.get() = made };
        self.is_set.store(true, Ordering::Release);
        match self.get() {
            Some(value) => Ok(value),
            None => unreachable!("it has just been set"),
        }
    }

    /// The value, if it was there; it is to be set anew.
    pub(super) fn take(&mut self) -> Option<T> {
        *self.is_set.get_mut() = false;
        self.value.get_mut().take()
    }

    /// Gives the place of a value to whoever has another key.
    pub(super) fn set_number(&mut self, number: Number) {
        self.number = number;
    }

    pub(super) fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;
    use std::thread;

    use super::*;

    #[test]
    fn a_value_is_made_once_and_seen_by_those_who_have_no_key() {
        let key = Key::default();
        let count = if cfg!(miri) { 20 } else { 1000 };
        let values: Vec<_> = (0..count).map(|_| Keyed::new(key.number())).collect();
        let key = Mutex::new(key);
        let fill = |by: usize| {
            for (number, value) in values.iter().enumerate() {
                let seen = value.get().copied();
                let mut key = key.lock().unwrap();
                let made = value.get_or_make(&mut key, || Ok::<_, Infallible>([number, by]));
                let made = *made.unwrap();
                assert_eq!(made[0], number);
                assert!(seen.is_none_or(|seen: [usize; 2]| seen == made), "{seen:?}, {made:?}");
            }
        };
        thread::scope(|scope| (0..4).for_each(|by| drop(scope.spawn(move || fill(by)))));
        assert!(values.iter().all(|value| value.get().is_some()));
    }

    #[test]
    fn what_fails_to_be_made_is_made_later_and_what_was_taken_again() {
        let (mut first, mut second) = (Key::default(), Key::default());
        let mut value = Keyed::new(first.number());
        assert_eq!(value.get_or_make(&mut first, || Err("no")), Err("no"));
        assert_eq!(value.get(), None);
        assert_eq!(value.get_or_make(&mut first, || Ok::<_, ()>(1)), Ok(&1));
        assert_eq!(value.get_or_make(&mut first, || Err("it is there")), Ok(&1));
        assert_eq!(value.take(), Some(1));
        assert_eq!(value.get(), None);
        value.set_number(second.number());
        assert_eq!(value.get_or_make(&mut second, || Ok::<_, ()>(2)), Ok(&2));
        assert_eq!(value.into_inner(), Some(2));
        assert_eq!(Keyed::with(first.number(), 3).get(), Some(&3));
    }

    #[test]
    fn what_panics_leaves_nothing_that_is_set() {
        let mut key = Key::default();
        let value = Keyed::new(key.number());
        let panics = AssertUnwindSafe(|| {
            let _ = value.get_or_make(&mut key, || -> Result<_, ()> { panic!("on purpose") });
        });
        assert!(catch_unwind(panics).is_err());
        assert_eq!(value.get(), None);
        assert_eq!(value.get_or_make(&mut key, || Ok::<_, ()>(1)), Ok(&1));
    }

    #[test]
    #[should_panic = "whoever has its key"]
    fn another_key_does_not_set() {
        let value = Keyed::new(Key::default().number());
        let _ = value.get_or_make(&mut Key::default(), || Ok::<_, ()>(1));
    }
}
