//! The blocklist that a text names.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;

/// Names of lists, by what stands in texts; the longer before the shorter.
const LISTS: &[(&str, &str)] = &[
    ("zen.spamhaus", "Spamhaus ZEN"),
    ("sbl-xbl.spamhaus", "Spamhaus SBL-XBL"),
    ("sbl.spamhaus", "Spamhaus SBL"),
    ("spamhaus.org/sbl", "Spamhaus SBL"),
    ("xbl.spamhaus", "Spamhaus XBL"),
    ("spamhaus.org/xbl", "Spamhaus XBL"),
    ("pbl.spamhaus", "Spamhaus PBL"),
    ("spamhaus.org/pbl", "Spamhaus PBL"),
    ("css.spamhaus", "Spamhaus CSS"),
    ("spamhaus.org/css", "Spamhaus CSS"),
    ("dbl.spamhaus", "Spamhaus DBL"),
    ("spamhaus pbl", "Spamhaus PBL"),
    ("spamhaus sbl", "Spamhaus SBL"),
    ("spamhaus xbl", "Spamhaus XBL"),
    ("spamhaus", "Spamhaus"),
    ("spamcop", "SpamCop"),
    ("dul.dnsbl.sorbs", "SORBS DUHL"),
    ("sorbs", "SORBS"),
    ("barracudacentral", "Barracuda"),
    ("barracuda", "Barracuda"),
    ("bbl.barracuda", "Barracuda"),
    ("uceprotect", "UCEPROTECT"),
    ("abuseat", "CBL"),
    ("psbl.", "PSBL"),
    ("mailspike", "Mailspike"),
    ("ivmsip", "Invaluement"),
    ("ivmuri", "Invaluement"),
    ("invaluement", "Invaluement"),
    ("nixspam", "NiX Spam"),
    ("ix.dnsbl.manitu", "NiX Spam"),
    ("manitu", "NiX Spam"),
    ("surbl", "SURBL"),
    ("uribl", "URIBL"),
    ("backscatterer", "Backscatterer"),
    ("hostkarma", "Hostkarma"),
    ("junkemailfilter", "Hostkarma"),
    ("lashback", "LashBack"),
    ("blocklist.de", "blocklist.de"),
    ("truncate.gbudb", "GBUdb Truncate"),
    ("gbudb", "GBUdb"),
    ("senderscore", "Sender Score"),
    ("spfbl", "SPFBL"),
    ("njabl", "NJABL"),
    ("ahbl", "AHBL"),
    ("rfc-ignorant", "RFC-Ignorant"),
    ("spamrats", "SpamRATS"),
    ("dnswl", "DNSWL"),
    ("s5h.net", "s5h"),
    ("wpbl", "WPBL"),
    ("dronebl", "DroneBL"),
    ("efnetrbl", "EFnet RBL"),
    ("0spam", "0Spam"),
    ("interserver", "InterServer RBL"),
    ("rbl-plus", "MAPS RBL+"),
    ("mail-abuse", "MAPS"),
    ("ers.trendmicro", "Trend Micro ERS"),
    ("trendmicro", "Trend Micro ERS"),
    ("cloudmark", "Cloudmark CSI"),
    ("csi.cloudmark", "Cloudmark CSI"),
    ("ipcheck.proofpoint", "Proofpoint"),
    ("proofpoint", "Proofpoint"),
    ("talosintelligence", "Cisco Talos"),
    ("senderbase", "Cisco Talos"),
    ("s3150", "Microsoft"),
    ("s3140", "Microsoft"),
    ("sophos", "Sophos"),
    ("fortiguard", "FortiGuard"),
    ("mimecast", "Mimecast"),
    ("ironport", "Cisco Talos"),
    ("korea services", "KISA RBL"),
    ("kisarbl", "KISA RBL"),
    ("dnsbl.cobion", "Cobion"),
    ("rbl.jp", "RBL.JP"),
    ("anti-spam.org.cn", "CASA CBL"),
    ("cbl.anti-spam", "CASA CBL"),
];

static ZONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?:using|via|by|in|on|at|from|see|found in|listed in|listed on|listed at|list:?)\s+(?:the\s+)?(?:dnsbl\s+|rbl\s+)?(?<zone>[a-z0-9-]*(?:bl|list|dns|rbl|block|spam|abuse)[a-z0-9-]*(?:\.[a-z0-9-]+)+|(?:[a-z0-9-]+\.)+[a-z0-9-]*(?:bl|rbl|list|spam|abuse|block)[a-z0-9-]*(?:\.[a-z0-9-]+)+)",
    )
    .expect("the pattern is well-formed")
});

static NAMES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let names =
        AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(LISTS.iter().map(|(part, _)| part));
    names.expect("a few short names make an automaton")
});

/// Which list it is.
pub(super) fn named_in(text: &str) -> Option<String> {
    let raw = text.to_ascii_lowercase();
    let named = NAMES.find_overlapping_iter(&raw).map(|name| name.pattern().as_usize()).min();
    if let Some((_, name)) = named.and_then(|first| LISTS.get(first)) {
        return Some((*name).to_owned());
    }
    let zone = ZONE.captures(&raw)?.name("zone")?;
    Some(zone.as_str().trim_end_matches('.').to_owned())
}
