//! The changes that turn the menu on the screen into a new one.

use super::row::{Menu, Row, RowKind};
use crate::health::Light;

/// One change of a menu that is on the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The row's new label.
    Label(String, String),
    /// Whether the row can be chosen.
    Enabled(String, bool),
    /// The row's check mark.
    Checked(String, bool),
    /// The row's light.
    Light(String, Option<Light>),
    /// A row is removed.
    Remove {
        /// Key of the submenu; `None`: the menu itself.
        parent: Option<String>,
        /// Position in the submenu.
        index: usize,
    },
    /// A row is inserted, with its submenu.
    Insert {
        /// Key of the submenu; `None`: the menu itself.
        parent: Option<String>,
        /// Position in the submenu.
        index: usize,
        /// The row.
        row: Row,
    },
}

/// The changes that turn one menu into another in place, so that an open menu does not jump. Commands are not compared:
/// they are looked up in the newer menu.
pub fn diff(old: &Menu, new: &Menu) -> Vec<Op> {
    let mut ops = Vec::new();
    diff_rows(None, &old.rows, &new.rows, &mut ops);
    ops
}

fn diff_rows(parent: Option<&str>, old: &[Row], new: &[Row], ops: &mut Vec<Op>) {
    let stays = |row: &Row| new.iter().any(|n| same(row, n));
    let mut current: Vec<&Row> = Vec::with_capacity(new.len());
    for (index, row) in old.iter().enumerate().rev() {
        if stays(row) {
            current.insert(0, row);
        } else {
            ops.push(Op::Remove { parent: parent.map(str::to_owned), index });
        }
    }
    for (index, row) in new.iter().enumerate() {
        match current.iter().position(|c| same(c, row)) {
            Some(at) if at == index => {
                change(current[index], row, ops);
                continue;
            }
            Some(at) => {
                current.remove(at);
                ops.push(Op::Remove { parent: parent.map(str::to_owned), index: at });
            }
            None => {}
        }
        current.insert(index, row);
        ops.push(Op::Insert { parent: parent.map(str::to_owned), index, row: row.clone() });
    }
}

/// Whether one row can become the other in place.
fn same(a: &Row, b: &Row) -> bool {
    a.key == b.key && std::mem::discriminant(&a.kind) == std::mem::discriminant(&b.kind)
}

fn change(old: &Row, new: &Row, ops: &mut Vec<Op>) {
    if old.label != new.label {
        ops.push(Op::Label(new.key.clone(), new.label.clone()));
    }
    if old.enabled != new.enabled {
        ops.push(Op::Enabled(new.key.clone(), new.enabled));
    }
    if old.light != new.light {
        ops.push(Op::Light(new.key.clone(), new.light));
    }
    match (&old.kind, &new.kind) {
        (RowKind::Check(a), RowKind::Check(b)) if a != b => ops.push(Op::Checked(new.key.clone(), *b)),
        (RowKind::Sub(a), RowKind::Sub(b)) => diff_rows(Some(&new.key), a, b, ops),
        _ => {}
    }
}
