//! How the service presents itself, in pages and mails.

use std::fmt;
use std::path::Path;

use url::Url;

use super::reader::{Reader, web_url};
use crate::domain::address::EmailAddress;

/// A name that subjects and titles have room for.
const LONGEST_NAME: usize = 60;
/// Bytes; every page loads it.
const LARGEST_LOGO: u64 = 256 * 1024;
/// What a logo can be: the file's ending, its media type, and how it begins.
const KINDS: [(&str, &str, &[u8]); 5] = [
    ("png", "image/png", b"\x89PNG\r\n\x1a\n"),
    ("jpg", "image/jpeg", b"\xff\xd8\xff"),
    ("gif", "image/gif", b"GIF8"),
    ("webp", "image/webp", b"RIFF"),
    ("svg", "image/svg+xml", b"<"),
];

/// Who pages and mails speak for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrandConfig {
    /// `BACKSTAMP_BRAND_NAME`, default `Backstamp`: one line.
    pub name: String,
    /// `BACKSTAMP_BRAND_LOGO`, default none.
    pub logo: Option<Logo>,
    /// `BACKSTAMP_BRAND_COLOR`, default `#2a5bd7`: of buttons, on light ground.
    pub color: Color,
    /// The second of `BACKSTAMP_BRAND_COLOR`: on dark ground. None: made from the first.
    pub dark_color: Option<Color>,
    /// `BACKSTAMP_SUPPORT_ADDRESS`, default none: where people can ask.
    pub support_address: Option<EmailAddress>,
}

impl Default for BrandConfig {
    fn default() -> Self {
        Self {
            name: "Backstamp".to_owned(),
            logo: None,
            color: Color([0x2a, 0x5b, 0xd7]),
            dark_color: None,
            support_address: None,
        }
    }
}

/// A picture.
#[derive(Clone, PartialEq, Eq)]
pub enum Logo {
    /// An `https` URL, for mails: pages load nothing from elsewhere.
    Remote(Url),
    /// A file, for pages, and for mails where the public URL is https.
    File {
        /// The file's content.
        bytes: Vec<u8>,
        /// `png`, `jpg`, `gif`, `webp` or `svg`.
        ending: &'static str,
        /// Its media type.
        media_type: &'static str,
    },
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(url) => write!(f, "Remote({url})"),
            Self::File { bytes, media_type, .. } => write!(f, "File({media_type}, {} bytes)", bytes.len()),
        }
    }
}

/// A colour in sRGB: red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub [u8; 3]);

/// As CSS writes it, `#rrggbb`.
impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", hex::encode(self.0))
    }
}

impl BrandConfig {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let default = Self::default();
        let colors = reader.list("BACKSTAMP_BRAND_COLOR", color);
        if colors.len() > 2 {
            reader.fault("BACKSTAMP_BRAND_COLOR", "takes one colour, or one for light and one for dark");
        }
        Self {
            name: reader.parsed("BACKSTAMP_BRAND_NAME", name).unwrap_or(default.name),
            logo: reader.parsed("BACKSTAMP_BRAND_LOGO", logo),
            color: colors.first().copied().unwrap_or(default.color),
            dark_color: colors.get(1).copied(),
            support_address: reader.parsed("BACKSTAMP_SUPPORT_ADDRESS", support_address),
        }
    }
}

fn support_address(text: &str) -> Result<EmailAddress, String> {
    match EmailAddress::parse(text) {
        Ok(address) if !text.contains('%') => Ok(address),
        _ => Err("must be an address such as help@example.com, without percent signs".to_owned()),
    }
}

fn name(text: &str) -> Result<String, String> {
    // Mailgun would take what stands between two percent signs for a placeholder.
    let is_plain = !text.chars().any(|c| c.is_control() || c == '%');
    if is_plain && text.chars().count() <= LONGEST_NAME {
        Ok(text.to_owned())
    } else {
        Err(format!("must be one line of at most {LONGEST_NAME} characters, without percent signs"))
    }
}

fn color(text: &str) -> Result<Color, String> {
    let bytes = text.strip_prefix('#').and_then(|digits| {
        let long = match digits.len() {
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => digits.to_owned(),
        };
        hex::decode(long).ok()
    });
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .map(Color)
        .ok_or_else(|| "must be a colour such as #0b57d0, or two, for light and for dark".to_owned())
}

fn logo(text: &str) -> Result<Logo, String> {
    if text.contains("://") {
        let url = web_url(text)?;
        return if url.scheme() == "https" && !url.as_str().contains('%') {
            Ok(Logo::Remote(url))
        } else {
            Err("must be an https URL without percent signs, or a file".to_owned())
        };
    }
    let ending = Path::new(text).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let ending = if ending.eq_ignore_ascii_case("jpeg") { "jpg" } else { ending };
    let kind = KINDS.into_iter().find(|(known, ..)| known.eq_ignore_ascii_case(ending));
    let (ending, media_type, start) =
        kind.ok_or("must be an https URL, or a file that ends with .png, .jpg, .gif, .webp or .svg")?;
    let size = std::fs::metadata(text).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > LARGEST_LOGO {
        return Err(format!("has more than {} KiB", LARGEST_LOGO / 1024));
    }
    let bytes = std::fs::read(text).map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.trim_ascii_start().starts_with(start) {
        Ok(Logo::File { bytes, ending, media_type })
    } else {
        Err(format!("is no {media_type}, as its name says"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_in_both_spellings_of_css() {
        assert_eq!(color("#0b57d0"), Ok(Color([0x0b, 0x57, 0xd0])));
        assert_eq!(color("#FA0").unwrap().to_string(), "#ffaa00");
        for text in ["0b57d0", "#0b57d", "#zzzzzz", "blue", "#0b57d0ff", "#é12"] {
            assert!(color(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_logo_is_what_its_name_says() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            logo(path.to_str().unwrap())
        };

        assert!(matches!(file("a.SVG", b"\n<svg/>"), Ok(Logo::File { ending: "svg", .. })));
        assert!(matches!(
            file("a.jpeg", b"\xff\xd8\xff\xe0"),
            Ok(Logo::File { media_type: "image/jpeg", .. })
        ));
        assert!(file("a.png", b"<svg/>").unwrap_err().contains("is no image/png"));
        assert!(file("a.exe", b"MZ").is_err());
        assert!(file("big.svg", &vec![b'<'; 300 * 1024]).unwrap_err().contains("256 KiB"));
        assert!(logo("/nowhere/a.png").unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn a_remote_logo_is_https() {
        assert!(matches!(logo("https://cdn.example.test/logo.png"), Ok(Logo::Remote(_))));
        for text in
            ["http://cdn.example.test/logo.png", "https://a.test/%tag%.png", "data://x", "ftp://a.test/b.png"]
        {
            assert!(logo(text).is_err(), "{text}");
        }
    }
}
