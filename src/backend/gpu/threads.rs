//! The same work on several threads.

use std::thread;

use crate::error::Result;

/// Does `work` with each of `lanes`, each on a thread of its own; all take their share of the same. Where
/// there are no more threads, those that there are do all of it. Returns an error of any.
pub(super) fn side_by_side<S: Send>(
    lanes: &mut [S],
    work: impl Fn(&mut S) -> Result<()> + Sync,
) -> Result<()> {
    let Some((first, others)) = lanes.split_first_mut() else { return Ok(()) };
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = others
            .iter_mut()
            .map_while(|lane| thread::Builder::new().spawn_scoped(scope, move || work(lane)).ok())
            .collect();
        let mut done = work(first);
        for thread in threads {
            let theirs = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            done = done.and(theirs);
        }
        done
    })
}
