//! Messages and names of people must not appear in `diagnose` and recordings, which are published.

use jiff::{SignedDuration, Timestamp};

use super::secrets::{gatelight, recorded};

/// Messages of records; `{}` is private. `Zorquil` is a name, `vexatious marmot` a message.
const MESSAGES: [&str; 38] = [
    "INFO gateway.run: inbound message: platform=telegram user=Zorquil Nobbs chat=-1007463521098 msg='vexatious marmot' reply_to_id=None reply_to_text='vexatious marmot'",
    "INFO gateway.run: inbound message: platform=whatsapp user=+447700900123 chat=447700900123@s.whatsapp.net msg=\"vexatious marmot's\" x=1",
    "INFO gateway.run: inbound message: platform=discord user=Zorquil chat=1179895123456789012 msg='it\\'s a vexatious marmot'",
    "INFO gateway.run: response ready: platform=telegram chat=Zorquil time=1.0s response='vexatious marmot'",
    "INFO plugins.platforms.feishu.adapter: [Feishu] Inbound dm message received: id=om_1 sender=user:ou_84aad35d084aa403a838cf73ee18467 text='vexatious marmot' media=0",
    "INFO plugins.platforms.feishu.adapter: [Feishu] Received raw message type=text content={\"text\":\"vexatious marmot\"}",
    "INFO plugins.platforms.feishu.feishu_comment: [Feishu-Comment] reply_to_comment: comment_id=7 text=vexatious marmot, and more",
    "INFO plugins.platforms.feishu.feishu_comment: [Feishu-Comment] quote=vexatious\nmarmot behind a break",
    "ERROR tools: {\"content\": \"{\\\"text\\\": \\\"a vexatious marmot\\\"}\"}",
    "ERROR tools: {'text': 'vexatious marmot', 'sender_name': 'Zorquil'}",
    "ERROR x: failed for zorquil.nobbs@example.com and zorquil%40example.com",
    r"ERROR x: zorquil\u0040example.com and zorquil&#64;example.com",
    "ERROR x: open /Users/zorquil/.hermes/x and /home/zorquil: no",
    r"ERROR x: open C:\Users\Zorquil Nobbs\AppData\x and c:\users\zorquil\x",
    r"ERROR x: open C:\\Users\\zorquil\\x and \\\\server\\Users\\zorquil",
    "ERROR x: file:///C:/Users/zorquil/x and file:///Users/Zorquil%20Nobbs/x",
    "ERROR x: %2FUsers%2Fzorquil%2Fx %252Fhome%252Fzorquil C%3A%5CUsers%5Czorquil%5Cx",
    r#"ERROR x: {"path": "\/Users\/zorquil\/x", "other": "\u002fhome\u002fzorquil\u002fx"}"#,
    "ERROR x: /mnt/c/Users/zorquil/x and /var/home/zorquil/x",
    "WARNING x: user_name='Zorquil Nobbs', user_id=7463521098",
    "WARNING x: sender=Zorquil Nobbs",
    "WARNING x: nickname=Zorquil; chat_name=Zorquil's group",
    "WARNING x: from_user=Zorquil, username=\"zorquil\"",
    "WARNING x: author=Zorquil channel_id=1179895123456789012",
    "WARNING gateway.platforms.signal: Signal: called by +447700900123.",
    "WARNING x: Unauthorized user: phone=+447700900123",
    "WARNING gateway.run: Dropping message from unauthorized user in active session: user=Zorquil (7463521098), platform=telegram",
    "WARNING plugins.platforms.telegram.adapter: [Telegram] Blocked unauthorized user 7463521098 in chat -1007463521098",
    "INFO x: reply='vexatious marmot' quote=\"vexatious marmot\"",
    "INFO x: text=\"vexatious marmot\" y=1",
    "INFO x: text=b'vexatious marmot'",
    "INFO x: agent:main:feishu_oc_84aad35d084aa403a838cf73ee18467c",
    "INFO x: chat_id=oc_84aad35d084aa403a838cf73ee18467c open_id='ou_84aad35d084aa403a838cf73ee18467'",
    "INFO x: {\"reply\": \"vexatious marmot\"}",
    "INFO x: {\"message\": {\"content\": \"vexatious marmot\"}}",
    "INFO x: response=\"vexatious marmot\"",
    "INFO x: ~/x of zorquil@zorquils-mac.local",
    "INFO x: content='vexatious\\nmarmot'",
];

const PRIVATE: [&str; 7] = [
    "zorquil",
    "marmot",
    "vexatious",
    "447700900123",
    "7463521098",
    "84aad35d084aa403a838cf73ee18467",
    "1179895123456789012",
];

#[test]
fn no_text_or_sender_of_a_message_leaks() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join(".hermes/logs");
    std::fs::create_dir_all(&logs).unwrap();
    let mut log = String::new();
    for (n, message) in MESSAGES.iter().enumerate() {
        let at = Timestamp::now() - SignedDuration::from_secs((MESSAGES.len() - n) as i64);
        log += &format!("{} {message}\n", at.strftime("%Y-%m-%d %H:%M:%S,000"));
    }
    std::fs::write(logs.join("agent.log"), &log).unwrap();
    let state = serde_json::json!({"pid": std::process::id(), "gateway_state": "running"});
    std::fs::write(folder.path().join(".hermes/gateway_state.json"), state.to_string()).unwrap();
    let shown = |text: &str| {
        let lines = text.lines().filter(|line| {
            let line = line.to_lowercase();
            PRIVATE.iter().any(|word| line.contains(word))
        });
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(shown(&log).len() >= MESSAGES.len(), "{:#?}", shown(&log));
    let diagnosis = gatelight(folder.path(), &["diagnose", "default"]);
    assert!(diagnosis.contains("inbound message: platform=telegram"), "{diagnosis}");
    let found = shown(&diagnosis);
    assert!(found.is_empty(), "{} lines of a diagnosis:\n{}", found.len(), found.join("\n"));
    let found = shown(&recorded(folder.path(), &log));
    assert!(found.is_empty(), "{} lines of a recording:\n{}", found.len(), found.join("\n"));
}
