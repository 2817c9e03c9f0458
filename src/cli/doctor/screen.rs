//! The findings as text: one block for each profile, errors first; a summary at the end.

use std::io;
use std::path::Path;

use crate::doctor::{Finding, Severity};
use crate::order::Order as _;
use crate::terminal::layout::{pad, width};
use crate::terminal::{Terminal, printable, style};
use crate::text::status::SUM;
use crate::text::{COMMA, Lang, Phrase, doctor as phrases, fill};

const INDENT: &str = "  ";

/// The severities with their names, the worst first.
const SEVERITIES: [(Severity, Phrase); 3] = [
    (Severity::Error, phrases::ERROR),
    (Severity::Warning, phrases::WARNING),
    (Severity::Info, phrases::INFO),
];

/// Prints findings.
pub(super) fn show(findings: &[Finding], terminal: &mut Terminal<'_>) -> io::Result<()> {
    for group in groups(findings) {
        heading(&group, terminal)?;
        let file = common_file(&group);
        for finding in &group {
            show_one(finding, finding.file.as_deref().filter(|_| file.is_none()), terminal)?;
        }
        writeln!(terminal.out)?;
    }
    terminal.wrapped(&summary(findings, terminal.lang), "", "")
}

/// The findings of each profile, and of each file that belongs to none: worst group first, worst finding first.
fn groups(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let key = |finding: &Finding| match &finding.profile {
        Some(name) => (Some(name.clone()), None),
        None => (None, finding.file.clone()),
    };
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|group| key(group[0]) == key(finding)) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    for group in &mut groups {
        group.order_by_key(|finding| finding.severity());
    }
    groups.order_by_key(|group| group[0].severity());
    groups
}

/// The file that all of them are about.
fn common_file<'a>(group: &[&'a Finding]) -> Option<&'a Path> {
    let first = group.first()?.file.as_deref()?;
    group.iter().all(|finding| finding.file.as_deref() == Some(first)).then_some(first)
}

fn heading(group: &[&Finding], terminal: &mut Terminal<'_>) -> io::Result<()> {
    let color = terminal.color;
    let file = common_file(group).map(|file| printable(&file.to_string_lossy()));
    match (group.first().and_then(|finding| finding.profile.as_deref()), file) {
        (Some(name), Some(file)) => {
            let name = printable(name);
            let fits = terminal.width.is_none_or(|all| width(&name) + 2 + width(&file) <= all);
            let between = if fits { INDENT.to_owned() } else { format!("\n{INDENT}") };
            writeln!(terminal.out, "{}{between}{}", style::bold(&name, color), style::dim(&file, color))
        }
        (Some(name), None) => writeln!(terminal.out, "{}", style::bold(&printable(name), color)),
        (None, Some(file)) => writeln!(terminal.out, "{}", style::bold(&file, color)),
        (None, None) => Ok(()),
    }
}

fn show_one(finding: &Finding, file: Option<&Path>, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let lang = terminal.lang;
    let widest = SEVERITIES.iter().map(|(_, word)| width(lang.pick(*word))).max().unwrap_or_default();
    let word = SEVERITIES.iter().find(|(severity, _)| *severity == finding.severity());
    let word = pad(word.map_or("", |(_, word)| lang.pick(*word)), widest);
    let first =
        format!("{INDENT}{}{INDENT}", style::paint(&word, colour(finding.severity()), terminal.color));
    let rest = " ".repeat(width(&first));
    let message = format!("[{}] {}", finding.code.name(), printable(finding.message.pick(lang)));
    terminal.wrapped(&message, &first, &rest)?;
    if let Some(file) = file {
        writeln!(terminal.out, "{rest}{}", style::dim(&printable(&file.to_string_lossy()), terminal.color))?;
    }
    let remedy = format!("{}{}", lang.pick(phrases::REMEDY), printable(finding.remedy.pick(lang)));
    terminal.wrapped(&remedy, &rest, &rest)?;
    if finding.reports().is_empty() {
        return Ok(());
    }
    let reports: Vec<String> = finding.reports().iter().map(|n| format!("#{n}")).collect();
    let reports = format!("{}hermes-agent {}", lang.pick(phrases::REPORTS), reports.join(" "));
    terminal.wrapped(&reports, &rest, &rest)
}

const fn colour(severity: Severity) -> u8 {
    match severity {
        Severity::Error => 31,
        Severity::Warning => 33,
        Severity::Info => 36,
    }
}

/// The number of findings of each severity, and the command that repairs them.
fn summary(findings: &[Finding], lang: Lang) -> String {
    let counts = SEVERITIES.iter().zip(phrases::COUNTS).filter_map(|((severity, _), [one, many])| {
        let count = findings.iter().filter(|finding| finding.severity() == *severity).count();
        let phrase = if count == 1 { one } else { many };
        (count > 0).then(|| fill(lang.pick(phrase), &[("n", &count.to_string())]))
    });
    let counts = counts.collect::<Vec<_>>().join(lang.pick(COMMA));
    match findings.iter().filter(|finding| finding.fixable).count() {
        0 => fill(lang.pick(SUM), &[("counts", &counts)]),
        n => fill(lang.pick(phrases::SUM_FIXABLE), &[("counts", &counts), ("n", &n.to_string())]),
    }
}
