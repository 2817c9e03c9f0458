//! The term list (`terms.md`) and the punctuation rules, checked over every text that users read.

use std::fs;
use std::path::{Path, PathBuf};

use super::tests::names;

const LIST: &str = include_str!("terms.md");

/// The rejected words of a section of the list.
fn rejected(section: &str) -> Vec<String> {
    let start = LIST.find(&format!("## {section}\n")).unwrap();
    let body = LIST[start + 3..].split("\n## ").next().unwrap();
    let rows = body.lines().filter(|line| line.starts_with("| "));
    let cells = rows.skip(1).filter_map(|row| row.split(" | ").nth(1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_lowercase).collect()
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}')
}

fn has_word(text: &str, word: &str) -> bool {
    let part_of_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !part_of_word(before.chars().next_back()) && !part_of_word(after.chars().next())
    })
}

/// What is wrong with the punctuation and spacing of a Chinese text.
fn chinese_typography(text: &str) -> Option<String> {
    const FULL_WIDTH: &str = "，。；：！？、（）“”《》";
    let chars: Vec<char> = text.chars().collect();
    let shown = |i: usize| chars[i.saturating_sub(8)..(i + 9).min(chars.len())].iter().collect::<String>();
    for (i, pair) in chars.windows(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        let next = chars.get(i + 2).copied().unwrap_or_default();
        let latin = |c: char| c.is_ascii_alphanumeric() || c == '%' || c == '`';
        if is_han(a) && ",;:!?().".contains(b) || ",;:!?()".contains(a) && is_han(b) {
            return Some(format!("half-width punctuation: {}", shown(i)));
        }
        if FULL_WIDTH.contains(a) && b == ' ' || a == ' ' && FULL_WIDTH.contains(b) {
            return Some(format!("space beside full-width punctuation: {}", shown(i)));
        }
        if is_han(a) && latin(b) || latin(a) && is_han(b) {
            return Some(format!("no space between Chinese and Latin: {}", shown(i)));
        }
        if is_han(a) && b == ' ' && is_han(next) {
            return Some(format!("space between Chinese characters: {}", shown(i)));
        }
        if a.is_ascii_digit() && b == ' ' && next == '%' {
            return Some(format!("space before %: {}", shown(i)));
        }
    }
    None
}

/// The violations of the list and of the typography in a text of either language. A text with Chinese characters is Chinese.
pub(crate) fn faults(text: &str) -> Vec<String> {
    let chinese = text.chars().any(|c| is_han(c) || "，。；：、（）".contains(c));
    let filled = if chinese { filled(text) } else { text.to_owned() };
    let text = &*filled;
    let mut faults: Vec<String> = if chinese {
        let found = rejected("Chinese").into_iter().filter(|word| text.to_lowercase().contains(word));
        found.chain(chinese_typography(text)).collect()
    } else {
        let lower = text.to_lowercase();
        rejected("English").into_iter().filter(|word| has_word(&lower, word)).collect()
    };
    for fault in &mut faults {
        *fault = format!("{fault:?} in {text:?}");
    }
    faults
}

/// The string literals of Rust source above its tests.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut found = Vec::new();
    let lines: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let joined = lines.join("\n");
    let mut chars = joined.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            // a character literal such as '"' or '\''; a lifetime is left alone
            let mut ahead = chars.clone();
            let first = ahead.next();
            if first == Some('\\') {
                ahead.next();
            }
            if ahead.next() == Some('\'') {
                chars = ahead;
            }
        }
        if c != '"' {
            continue;
        }
        let mut text = String::new();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => match chars.next() {
                    Some('n') => text.push('\n'),
                    Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                    Some(other) => text.push(other),
                    None => break,
                },
                c => text.push(c),
            }
        }
        found.push(text);
    }
    found
}

/// A Chinese text with typical values in place of its `{names}`.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(match name {
            "span" | "limit" | "lasted" | "length" | "took" | "window" | "hold" | "held" | "uptime"
            | "seen" | "unknown" => "3 分钟",
            "title" | "what" | "complaint" | "instead" | "where" | "list" | "light" | "phrase" | "first"
            | "meaning" | "advice" | "state" => "未运行",
            "why" => "文件不存在",
            "share" => "99.9%",
            "period" => "最近 7 天",
            "incidents" => "2 次故障",
            _ => "x1",
        });
        rest = after;
    }
    out + rest
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files with this extension in a folder and below it.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[track_caller]
fn assert_clean(faults: &[String]) {
    assert!(faults.is_empty(), "see src/text/terms.md:\n{}", faults.join("\n"));
}

#[test]
fn every_text_uses_the_terms_of_the_list() {
    let mut sources = files("src/text", "rs");
    sources.retain(|path| !path.ends_with("terms.rs"));
    sources.push(root().join("src/health/catalogue.rs"));
    let mut texts = 0;
    let mut faults = Vec::new();
    for path in sources {
        for text in literals(&fs::read_to_string(&path).unwrap()) {
            let is_code = text.contains(['.', '-'])
                && !text.contains(|c: char| !(c.is_ascii_lowercase() || c == '.' || c == '-'));
            if is_code {
                continue;
            }
            texts += 1;
            faults
                .extend(self::faults(&text).into_iter().map(|fault| format!("{}: {fault}", path.display())));
        }
    }
    assert!(texts > 800, "{texts}");
    assert_clean(&faults);
}

/// The type [`super::Phrase`] makes sure of both languages; English comes first.
#[test]
fn both_languages_name_the_same_values() {
    for path in files("src/text", "rs").into_iter().filter(|path| !path.ends_with("terms.rs")) {
        let texts = literals(&fs::read_to_string(&path).unwrap());
        for pair in texts.windows(2) {
            let is_phrase = !pair[0].chars().any(is_han) && pair[1].chars().any(is_han);
            // in English, the system's message replaces ours
            if is_phrase && pair[0] != "{words}" {
                assert_eq!(names(&pair[0]), names(&pair[1]), "{}: {pair:?}", path.display());
            }
        }
    }
}

/// Settings, desktop entries and rules for other programs: their comments and texts.
#[test]
fn the_files_that_users_open_use_the_terms_of_the_list() {
    let mut faults = Vec::new();
    for (folder, extension) in [
        ("resources", "toml"),
        ("resources/monitoring", "yml"),
        ("bundle/linux", "desktop"),
        ("bundle/linux", "service"),
    ] {
        for path in files(folder, extension) {
            for line in fs::read_to_string(&path).unwrap().lines() {
                // the wordings of the gateway's log are not ours
                let ours =
                    if extension == "toml" { line.strip_prefix('#').unwrap_or_default() } else { line };
                let ours = ours.split_once("[zh_CN]=").map_or(ours, |(_, text)| text);
                faults.extend(
                    self::faults(ours).into_iter().map(|fault| format!("{}: {fault}", path.display())),
                );
            }
        }
    }
    let strings = fs::read_to_string(root().join("bundle/macos/Info.ext.plist")).unwrap();
    for text in strings.split("<string>").skip(1).filter_map(|text| text.split("</string>").next()) {
        faults.extend(self::faults(text));
    }
    assert_clean(&faults);
}

/// The running text of a line of Markdown: code becomes a word, the marks of links and emphasis go. One text for each cell
/// of a table.
fn markdown_texts(line: &str) -> Vec<String> {
    let mut plain = String::new();
    for (i, part) in line.split('`').enumerate() {
        plain.push_str(if i % 2 == 0 { part } else { "x1" });
    }
    while let Some((before, rest)) = plain.split_once("](") {
        let Some((_, after)) = rest.split_once(')') else { break };
        plain = before.replacen('[', "", 1) + after;
    }
    // the placeholder of the tables of reasons stands for a name such as Feishu
    let plain = plain.replace("*平台*", "x1").replace(['*', '!'], "");
    plain.replace("<br>", "|").split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// READMEs and pages, line by line.
#[test]
fn the_pages_use_the_terms_of_the_list() {
    let mut pages = files("docs", "md");
    pages.extend(files("bundle", "md"));
    for name in ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
        pages.push(root().join(name));
    }
    assert!(pages.len() > 15, "{pages:?}");
    let mut faults = Vec::new();
    for path in pages {
        let mut in_code = false;
        // an English page may quote Chinese
        let is_chinese_page = path.to_string_lossy().contains("zh-CN");
        for line in fs::read_to_string(&path).unwrap().lines() {
            in_code ^= line.starts_with("```");
            let lower = line.to_lowercase();
            let chinese = line.chars().any(is_han);
            if is_chinese_page && chinese && !in_code {
                let texts = markdown_texts(line);
                let found = texts.iter().filter_map(|text| chinese_typography(text));
                faults.extend(found.map(|fault| format!("{}: {fault}", path.display())));
            }
            let words = rejected(if chinese { "Chinese" } else { "English" });
            let is_used = |word: &String| if chinese { lower.contains(word) } else { has_word(&lower, word) };
            let found = words.into_iter().filter(is_used);
            faults.extend(found.map(|word| format!("{}: {word:?} in {line:?}", path.display())));
        }
    }
    assert_clean(&faults);
}

#[test]
fn faults_are_found() {
    for text in [
        "it is told twice",
        "Mend the file",
        "运行中,已连接",
        "已连接 ，等待",
        "共3 个",
        "共 3个",
        "3 分钟 内",
        "启动(已完成)",
        "绿灯 99 %",
        "此配置未运行",
        "执行器已关闭",
    ] {
        assert!(!faults(text).is_empty(), "{text}");
    }
    for text in [
        "an amended file",
        "已连接，3 个 profile 均为绿灯（99.9%）。",
        "default — 未运行 · 3 分钟",
        "执行 gatelight doctor --fix：删除 --replace",
    ] {
        assert_eq!(faults(text), [""; 0], "{text}");
    }
    for (line, wrong) in [
        ("| `x`：[设置](a.md#b)里的 `y` | **开关**：开，或*关* |", false),
        ("打开[设置](a.md#设置) ，再试", true),
        ("执行`x`", true),
        ("变成*空壳* 。", true),
        ("*平台* 账号", false),
    ] {
        let found = markdown_texts(line).iter().any(|text| chinese_typography(text).is_some());
        assert_eq!(found, wrong, "{line}");
    }
    assert!(rejected("English").len() > 60 && rejected("Chinese").len() > 50);
}
