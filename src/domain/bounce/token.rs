//! What one run of characters is: a code, a word, or something that must not be read as words.

use super::EnhancedStatus;
use super::fold::is_unspaced;

/// What a run of characters is; `length` is how much of it, in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A reply code of SMTP.
    Reply {
        code: u16,
        length: usize,
    },
    /// An enhanced status code.
    Enhanced {
        status: EnhancedStatus,
        length: usize,
    },
    Words {
        length: usize,
    },
    Address,
    Host,
    Network {
        length: usize,
    },
    Link {
        length: usize,
    },
    Number,
}

/// Written as one word though they have capitals inside, or words that are reasons elsewhere.
const PRODUCTS: &[&str] = &[
    "spamassassin",
    "spamcop",
    "spamhaus",
    "spamtitan",
    "spamexperts",
    "spamrl",
    "spamsieve",
    "mailscanner",
    "mailmarshal",
    "mailenable",
    "mailguard",
    "icloud",
    "mcafee",
    "fortimail",
    "powermta",
    "groupwise",
    "antispam",
    "antivirus",
    "smartermail",
    "mailchannels",
    "sendgrid",
    "mimedefang",
    "spfbl",
    "rdns",
    "fcrdns",
];

/// Last labels of host names that are no words of a language; two letters count, too.
const TOP_LEVEL: &[&str] = &[
    "com",
    "net",
    "org",
    "edu",
    "gov",
    "mil",
    "int",
    "info",
    "biz",
    "name",
    "arpa",
    "test",
    "invalid",
    "example",
    "local",
    "localdomain",
    "lan",
    "internal",
    "corp",
    "cloud",
    "online",
    "site",
    "email",
    "app",
    "dev",
    "xyz",
    "club",
    "shop",
    "google",
    "goog",
    "microsoft",
    "asia",
    "mobi",
    "tel",
    "travel",
    "top",
    "io",
];

/// Two letters that are English words as often as countries.
const AMBIGUOUS: &[&str] = &[
    "is", "it", "to", "in", "no", "be", "so", "at", "me", "us", "my", "we", "or", "an", "of", "if", "do",
    "go", "up", "as", "by", "on", "he",
];

/// The end of the run that begins here.
pub(super) fn run_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte < 0x80 {
            let is_part = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'.' | b'-'
                        | b'_'
                        | b'@'
                        | b'%'
                        | b'+'
                        | b'='
                        | b'/'
                        | b'\''
                        | b'~'
                        | b'&'
                        | b'?'
                        | b'!'
                        | b'*'
                        | b'$'
                );
            if !is_part {
                break;
            }
            at += 1;
        } else {
            let Some(c) = text[at..].chars().next() else { break };
            let is_part = c == '\u{2019}'
                || (c.is_alphanumeric() && !is_unspaced(c))
                || unicode_normalization::char::is_combining_mark(c);
            if !is_part {
                break;
            }
            at += c.len_utf8();
        }
    }
    at
}

/// What the run from `start` to `end` is.
pub(super) fn of(text: &str, start: usize, end: usize, line_start: bool, after_mark: bool) -> Token {
    let whole = &text[start..end];
    let rest = &text[end..];
    // Most runs are plain words; nothing else begins so.
    if whole.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !rest.starts_with("://")
        && !rest.starts_with('[')
    {
        let is_address = rest.starts_with(':') && whole.eq_ignore_ascii_case("mailto");
        if !is_address {
            return Token::Words { length: whole.len() };
        }
    }
    let run = whole.trim_end_matches(|c| !matches!(c, '@') && c.is_ascii_punctuation());
    let words = Token::Words { length: whole.len() };

    if let Some(length) = link_length(text, start, run, rest) {
        return Token::Link { length };
    }
    let first = run.as_bytes().first().copied().unwrap_or(b' ');
    if first.is_ascii_digit()
        && let Some(token) = number(text, start, whole, run, line_start, after_mark)
    {
        return token;
    }
    let is_encoded = || run.contains("%40") || run.contains("=40");
    if run.contains('@') || (run.contains(['%', '=']) && is_encoded()) {
        return Token::Address;
    }
    if let Some(length) = network_v6(text, start) {
        return Token::Network { length };
    }
    if let Some(length) = glued_reply(run, rest) {
        return Token::Words { length };
    }
    if rest.starts_with('[') && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return Token::Host;
    }
    if run.contains('.') && is_host(run) {
        return Token::Host;
    }
    // A path, of a system or behind a host.
    if run.matches('/').count() >= 2
        || (run.contains('.') && run.split('/').next().is_some_and(is_dotted_host))
    {
        return Token::Host;
    }
    words
}

fn is_dotted_host(run: &str) -> bool {
    run.contains('.') && is_host(run)
}

/// What begins with a digit, if it is not a word.
fn number(
    text: &str,
    start: usize,
    whole: &str,
    run: &str,
    line_start: bool,
    after_mark: bool,
) -> Option<Token> {
    let digits = run.bytes().take_while(u8::is_ascii_digit).count();
    let after = &text[start + digits..];
    if digits == 3
        && let Some(code) = run[..3].parse::<u16>().ok().filter(|code| (200..600).contains(code))
    {
        let separator = after.as_bytes().first().copied().unwrap_or(b' ');
        let rest = after.trim_start_matches(['-', ' ', '#', '(', '[', ':', '<', '=']);
        let is_followed = EnhancedStatus::take(rest).is_some();
        let may_begin = (line_start || after_mark) && separator != b'.' && !separator.is_ascii_alphanumeric();
        // In the middle of a line only failures are codes; “250 messages” is none.
        if (is_followed || may_begin) && (code >= 400 || line_start) {
            return Some(Token::Reply { code, length: 3 });
        }
    }
    if let Some((status, rest)) = EnhancedStatus::take(&text[start..]) {
        return Some(Token::Enhanced { status, length: text.len() - start - rest.len() });
    }
    let dotted = run.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let groups = run[..dotted].trim_end_matches('.').split('.').count();
    if groups == 4 && dotted >= 7 {
        // With a port, a prefix length, or a reversed zone behind it.
        return if run[dotted..].starts_with(|c: char| c.is_alphabetic()) {
            Some(Token::Host)
        } else {
            Some(Token::Network { length: whole.len() })
        };
    }
    if dotted == run.len() {
        return Some(Token::Number);
    }
    network_v6(text, start).map(|length| Token::Network { length })
}

/// `2001:db8::1`, with at least two colons between hexadecimal groups.
fn network_v6(text: &str, start: usize) -> Option<usize> {
    let bytes = &text.as_bytes()[start..];
    let length = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit() || **byte == b':').count();
    let candidate = &bytes[..length];
    let colons = candidate.iter().filter(|byte| **byte == b':').count();
    let is_whole = !bytes.get(length).is_some_and(u8::is_ascii_alphanumeric);
    let groups_fit = candidate.split(|byte| *byte == b':').all(|group| group.len() <= 4);
    (colons >= 2 && is_whole && groups_fit && candidate.iter().any(u8::is_ascii_digit) && length >= 5)
        .then_some(length)
}

/// `https://…`, `www.…`: up to what cannot be part of it.
fn link_length(text: &str, start: usize, run: &str, rest: &str) -> Option<usize> {
    let head = run.as_bytes();
    let starts = |scheme: &str| {
        head.len() >= scheme.len() && head[..scheme.len()].eq_ignore_ascii_case(scheme.as_bytes())
    };
    let is_link = (rest.starts_with("://") && run.len() <= 8)
        || (starts("www.") && run.len() > 6)
        || ((starts("http") || starts("https")) && rest.starts_with(":/"))
        || (starts("mailto") && rest.starts_with(':'));
    if !is_link {
        return None;
    }
    let tail = &text[start..];
    let end = tail
        .find(|c: char| {
            c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' | '|')
        })
        .unwrap_or(tail.len());
    Some(end.max(run.len()))
}

/// A reply code that a lost line break has glued to the word before it: `try550-5.1.1`, `address.550 5.1.1`.
fn glued_reply(run: &str, rest: &str) -> Option<usize> {
    let bytes = run.as_bytes();
    for at in 1..bytes.len().saturating_sub(2) {
        let code = &bytes[at..at + 3];
        if !matches!(code[0], b'4' | b'5')
            || !code.iter().all(u8::is_ascii_digit)
            || bytes[at - 1].is_ascii_digit()
        {
            continue;
        }
        let after = &run[at + 3..];
        let follows = if after.is_empty() { rest.strip_prefix(' ') } else { after.strip_prefix('-') };
        if follows.is_some_and(|follows| EnhancedStatus::take(follows).is_some()) {
            return Some(at);
        }
    }
    None
}

/// A name of a host: labels with a known ending, or such that no language writes them.
fn is_host(run: &str) -> bool {
    let run = run.split('/').next().unwrap_or(run);
    if !run.is_ascii() || run.contains("..") {
        return false;
    }
    let mut labels = run.split('.');
    let Some(last) = labels.next_back() else { return false };
    let count = run.split('.').count();
    if count < 2 || run.split('.').any(|label| label.is_empty() || label.contains(['\'', '?', '!', '=', '&']))
    {
        return false;
    }
    // `unknown.Please` has lost a space.
    let begins_sentence = last.starts_with(|c: char| c.is_ascii_uppercase())
        && run[..run.len() - last.len()].contains(|c: char| c.is_ascii_lowercase());
    if begins_sentence {
        return false;
    }
    let last = last.to_ascii_lowercase();
    if TOP_LEVEL.contains(&last.as_str()) || last.starts_with("xn--") {
        return true;
    }
    if last.len() == 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return count >= 3
            || !AMBIGUOUS.contains(&last.as_str())
            || run.contains(|c: char| c.is_ascii_digit() || c == '-')
            || is_mail_brand(run);
    }
    false
}

/// Hosts of two labels whose last one is also a word.
fn is_mail_brand(run: &str) -> bool {
    const BRANDS: &[&str] = &[
        "libero", "virgilio", "tiscali", "tin", "alice", "skynet", "telenet", "online", "gmx", "aon",
        "chello", "interia", "hotmail", "yahoo", "rediff", "mac",
    ];
    run.split('.').next().is_some_and(|first| BRANDS.iter().any(|brand| brand.eq_ignore_ascii_case(first)))
}

/// Letters of a word at most; what is longer is an id.
pub(super) const LONGEST_WORD: usize = 40;

/// Letters and digits that no one reads as a word.
pub(super) fn is_id(piece: &str) -> bool {
    let digits = piece.bytes().filter(u8::is_ascii_digit).count();
    (digits > 0 && piece.len() >= 10) || digits >= 5 || piece.len() > LONGEST_WORD
}

/// A name that stays one word.
pub(super) fn is_product(run: &str) -> bool {
    let run = run.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    PRODUCTS.iter().any(|product| product.eq_ignore_ascii_case(run))
}

/// Words that a reply follows.
pub(super) fn announces_a_reply(word: &str) -> bool {
    matches!(
        word,
        "said"
            | "error"
            | "code"
            | "reply"
            | "response"
            | "status"
            | "returned"
            | "answered"
            | "smtp"
            | "says"
            | "fehler"
            | "erreur"
            | "errore"
            | "erro"
            | "with"
            | "was"
            | "failed"
    )
}
