//! Differences between menus.

use proptest::prelude::*;

use super::*;

/// Does to a plain value what the desktop does to its menu.
fn apply(menu: &mut Menu, ops: &[Op]) {
    fn rows<'a>(all: &'a mut Vec<Row>, parent: Option<&String>) -> &'a mut Vec<Row> {
        let Some(parent) = parent else { return all };
        let row = find_mut(all, parent).unwrap();
        let RowKind::Sub(below) = &mut row.kind else { panic!("{parent} has no rows") };
        below
    }
    fn find_mut<'a>(rows: &'a mut [Row], key: &str) -> Option<&'a mut Row> {
        rows.iter_mut().find_map(|row| {
            if row.key == key {
                return Some(row);
            }
            match &mut row.kind {
                RowKind::Sub(below) => find_mut(below, key),
                _ => None,
            }
        })
    }
    for op in ops {
        match op {
            Op::Label(key, label) => find_mut(&mut menu.rows, key).unwrap().label.clone_from(label),
            Op::Enabled(key, enabled) => find_mut(&mut menu.rows, key).unwrap().enabled = *enabled,
            Op::Checked(key, on) => find_mut(&mut menu.rows, key).unwrap().kind = RowKind::Check(*on),
            Op::Light(key, light) => find_mut(&mut menu.rows, key).unwrap().light = *light,
            Op::Remove { parent, index } => {
                rows(&mut menu.rows, parent.as_ref()).remove(*index);
            }
            Op::Insert { parent, index, row } => {
                rows(&mut menu.rows, parent.as_ref()).insert(*index, row.clone());
            }
        }
    }
}

/// Commands and the time of the next change are not shown.
fn without_commands(rows: &[Row]) -> Vec<Row> {
    rows.iter()
        .map(|row| {
            let kind = match &row.kind {
                RowKind::Sub(below) => RowKind::Sub(without_commands(below)),
                kind => kind.clone(),
            };
            Row { kind, command: None, ..row.clone() }
        })
        .collect()
}

#[test]
fn a_change_of_light_changes_rows_in_place() {
    let state = MenuState::default();
    let mut snapshot = snapshot(vec![view("default", Reason::Connected, -7_000)]);
    let old = menu(&snapshot, &state, &locale(Lang::En), at(0));
    assert_eq!(diff(&old, &old), []);
    Arc::make_mut(&mut snapshot.profiles[0].verdict).reason = Reason::Reconnecting;
    let new = menu(&snapshot, &state, &locale(Lang::En), at(0));
    assert_eq!(
        diff(&old, &new),
        [
            Op::Label("head".into(), "0 of 1 connected".into()),
            Op::Label(key("default", "profile"), "default — reconnecting · 1 h".into()),
            Op::Light(key("default", "profile"), Some(Light::Amber)),
            Op::Enabled(key("default", "mute-recovery"), true),
        ]
    );
    let (old, later) = (at(0), at(30));
    let [old, later] = [old, later].map(|now| menu(&three(), &state, &locale(Lang::En), now));
    assert!(diff(&old, &later).iter().all(|op| matches!(op, Op::Label(..))), "time alone moves no row");
}

fn keys(rows: &[Row], out: &mut Vec<String>) {
    for row in rows {
        out.push(row.key.clone());
        if let RowKind::Sub(below) = &row.kind {
            keys(below, out);
        }
    }
}

#[test]
fn keys_are_unique() {
    let mut snapshot = three();
    snapshot.profiles.push(view("a/restart", Reason::Connected, 0));
    snapshot.profiles.push(view("a", Reason::Connected, 0));
    let menu = menu(&snapshot, &MenuState::default(), &locale(Lang::En), at(0));
    let mut all = Vec::new();
    keys(&menu.rows, &mut all);
    let unique: BTreeSet<&String> = all.iter().collect();
    assert_eq!(unique.len(), all.len());
}

fn any_menu() -> impl Strategy<Value = Menu> {
    let reasons: Vec<Reason> = Reason::all().collect();
    let profile = (0..14usize, prop::sample::select(reasons), -9_000i64..0, any::<bool>(), 0..4u8);
    (prop::collection::vec(profile, 0..14), any::<(bool, bool, bool)>(), any::<bool>()).prop_map(
        |(profiles, (offline, error, missed), zh)| {
            let mut views: Vec<ProfileView> = Vec::new();
            let mut state = MenuState { offline, ..MenuState::default() };
            for (n, reason, since, evidence, special) in profiles {
                let name = format!("p{n}");
                if views.iter().any(|v| v.profile.name == name) {
                    continue;
                }
                let mut v = view(&name, reason, since);
                if evidence {
                    Arc::make_mut(&mut v.verdict).evidence = Some(Proof::new("agent.log", "line", at(since)));
                }
                match special {
                    1 => {
                        let acknowledged = Acknowledged::of(&v.verdict);
                        let silence = Silence { mute: Some(Mute::Recovery), acknowledged };
                        drop(state.silences.insert(name, silence));
                    }
                    2 => drop(state.job_files.repairable.insert(name)),
                    3 => {
                        let restart = RestartView {
                            asked_at: at(since),
                            step: RestartStep::EndingOld,
                            retrying: None,
                            outcome: None,
                        };
                        drop(state.restarts.insert(name, restart));
                    }
                    _ => {}
                }
                views.push(v);
            }
            if error {
                state.settings_error = Some("x".into());
            }
            if missed {
                state.missed = vec![Missed { title: "t".into(), why: "w".into(), at: at(0) }];
            }
            let lang = if zh { Lang::Zh } else { Lang::En };
            menu(&snapshot(views), &state, &locale(lang), at(0))
        },
    )
}

proptest! {
    #[test]
    fn applying_the_difference_makes_the_new_menu(old in any_menu(), new in any_menu()) {
        let mut shown = old.clone();
        apply(&mut shown, &diff(&old, &new));
        prop_assert_eq!(without_commands(&shown.rows), without_commands(&new.rows));
    }

    #[test]
    fn a_stale_menu_is_stale_in_the_future(menu in any_menu()) {
        prop_assert!(menu.stale_at.is_none_or(|t| t > at(0)));
    }
}
