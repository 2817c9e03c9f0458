//! Sorting, compiled once.
//!
//! The standard library's sort is compiled anew for each type and order, 5 kB each, and so is collecting into a
//! `BTreeMap`, which sorts first. These functions sort positions, which are of one type; each use of them is some hundred
//! bytes. Where every line of a log passes, `slice::sort` stays: a comparison is an indirect call here.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Stable sorting of slices.
pub(crate) trait Order<T> {
    /// Like `sort_by`.
    fn order_by(&mut self, compare: impl Fn(&T, &T) -> Ordering);

    /// Like `sort_by_key`; the key may borrow nothing.
    fn order_by_key<K: Ord>(&mut self, key: impl Fn(&T) -> K) {
        self.order_by(|a, b| key(a).cmp(&key(b)));
    }

    /// Like `sort`.
    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(T::cmp);
    }
}

impl<T> Order<T> for [T] {
    fn order_by(&mut self, compare: impl Fn(&T, &T) -> Ordering) {
        let sources = sorted(self.len(), &|a, b| compare(&self[a], &self[b]));
        rearrange(sources, &mut |a, b| self.swap(a, b));
    }
}

/// The positions of `length` items in their order; none if there is nothing to sort.
fn sorted(length: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    if length < 2 {
        return Vec::new();
    }
    let mut positions: Vec<usize> = (0..length).collect();
    positions.sort_by(|a, b| compare(*a, *b));
    positions
}

/// Moves the item at `sources[n]` to `n`, for each `n`.
fn rearrange(mut sources: Vec<usize>, swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..sources.len() {
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut sources[at], at);
            if from == start || from == at {
                break;
            }
            swap(at, from);
            at = from;
        }
    }
}

/// Collecting into maps and sets, one item after the other.
pub(crate) trait Collect: Iterator + Sized {
    /// Of equal keys the last one stays.
    fn to_map<K: Ord, V>(self) -> BTreeMap<K, V>
    where
        Self: Iterator<Item = (K, V)>,
    {
        let mut map = BTreeMap::new();
        map.extend(self);
        map
    }

    fn to_set(self) -> BTreeSet<Self::Item>
    where
        Self::Item: Ord,
    {
        let mut set = BTreeSet::new();
        set.extend(self);
        set
    }
}

impl<I: Iterator> Collect for I {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sorts_as_the_standard_library_does(items: Vec<(u8, u16)>) {
            let mut expected = items.clone();
            let mut ours = items;
            expected.sort_by_key(|item| item.0);
            ours.order_by_key(|item| item.0);
            prop_assert_eq!(&ours, &expected);
            expected.sort_unstable();
            ours.order();
            prop_assert_eq!(&ours, &expected);
        }
    }
}
