//! Who pages and mails speak for: name, logo and colours, as templates see them.
//!
//! Colours are chosen so that people can read what stands on them or in them, whatever was configured.

use serde::Serialize;
use url::Url;

use super::assets::Asset;
use super::defuse;
use crate::config::{BrandConfig, Color, Logo};

/// WCAG 2.2, 1.4.3: text against its ground.
const READABLE: f64 = 4.5;
const WHITE: Color = Color([0xff, 0xff, 0xff]);
const BLACK: Color = Color([0, 0, 0]);
/// The grounds that coloured text stands on, in pages and mails: the darkest of the light ones, the lightest of
/// the dark ones.
const LIGHT_GROUND: Color = Color([0xf3, 0xf4, 0xf6]);
const DARK_GROUND: Color = Color([0x1f, 0x24, 0x28]);

/// What every template knows as `brand`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Brand {
    /// One line.
    pub name: String,
    /// For pages: the name of the logo's asset.
    logo: Option<String>,
    /// For mails: the logo's URL.
    mail_logo: Option<String>,
    /// The address of people who can help.
    support: Option<String>,
    /// What the accent is on light ground, and what on dark.
    light: Palette,
    dark: Palette,
}

/// Colours on one kind of ground, as CSS writes them.
#[derive(Debug, Clone, Serialize)]
struct Palette {
    /// Of buttons.
    accent: String,
    /// Of text on buttons.
    on_accent: String,
    /// Of links.
    link: String,
}

impl Brand {
    /// As configured, and the logo's file where there is one.
    pub(super) fn new(config: &BrandConfig, public_url: &Url) -> (Self, Option<Asset>) {
        let asset = match &config.logo {
            Some(Logo::File { bytes, ending, media_type }) => {
                Some(Asset::new("logo", ending, media_type, bytes.clone()))
            }
            _ => None,
        };
        let logo = asset.as_ref().map(|asset| asset.name.clone());
        // Mail programs show neither what they cannot reach nor drawings.
        let is_for_mails = public_url.scheme() == "https"
            && asset.as_ref().is_some_and(|asset| asset.media_type != "image/svg+xml");
        let mail_logo = match &config.logo {
            Some(Logo::Remote(url)) => Some(url.to_string()),
            _ => logo.as_ref().filter(|_| is_for_mails).map(|name| below(public_url, name)),
        };
        let dark = config.dark_color.unwrap_or_else(|| readable(config.color, DARK_GROUND));
        let brand = Self {
            name: defuse::line(&config.name),
            logo,
            mail_logo,
            support: config.support_address.as_ref().map(|address| address.as_str().to_owned()),
            light: Palette::new(config.color, LIGHT_GROUND),
            dark: Palette::new(dark, DARK_GROUND),
        };
        (brand, asset)
    }

    /// The colours as custom properties, for the style sheet of the pages.
    pub(super) fn css(&self) -> String {
        let of = |palette: &Palette, suffix: &str| {
            let Palette { accent, on_accent, link } = palette;
            format!(
                "--brand{suffix}: {accent}; --on-brand{suffix}: {on_accent}; --brand-link{suffix}: {link};"
            )
        };
        format!(":root {{ {} {} }}\n", of(&self.light, ""), of(&self.dark, "-dark"))
    }
}

impl Palette {
    fn new(accent: Color, ground: Color) -> Self {
        let on_accent = if contrast(accent, WHITE) >= READABLE { WHITE } else { BLACK };
        Self {
            accent: accent.to_string(),
            on_accent: on_accent.to_string(),
            link: readable(accent, ground).to_string(),
        }
    }
}

fn below(public_url: &Url, asset: &str) -> String {
    format!("{}/assets/{asset}", public_url.as_str().trim_end_matches('/'))
}

/// The colour itself if it can be read on this ground, else the nearest mix with black or white that can.
fn readable(color: Color, ground: Color) -> Color {
    let towards = if luminance(ground) > 0.5 { BLACK } else { WHITE };
    let mixes = (0..=100).map(|percent| mix(color, towards, percent));
    mixes.into_iter().find(|mix| contrast(*mix, ground) >= READABLE).unwrap_or(towards)
}

fn mix(color: Color, towards: Color, percent: u16) -> Color {
    let channel = |index: usize| {
        let (from, to) = (u16::from(color.0[index]), u16::from(towards.0[index]));
        u8::try_from((from * (100 - percent) + to * percent) / 100).unwrap_or(u8::MAX)
    };
    Color([channel(0), channel(1), channel(2)])
}

/// WCAG 2.2: from 1 to 21.
fn contrast(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// WCAG 2.2, relative luminance.
fn luminance(color: Color) -> f64 {
    let [red, green, blue] = color.0.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(css: &str) -> Color {
        Color(hex::decode(css.trim_start_matches('#')).unwrap().try_into().unwrap())
    }

    fn brand(config: BrandConfig, public_url: &str) -> (Brand, Option<Asset>) {
        Brand::new(&config, &Url::parse(public_url).unwrap())
    }

    fn file(media_type: &'static str, ending: &'static str) -> BrandConfig {
        let logo = Logo::File { bytes: b"picture".to_vec(), ending, media_type };
        BrandConfig { logo: Some(logo), ..BrandConfig::default() }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((contrast(WHITE, BLACK) - 21.0).abs() < 1e-9);
        assert!((contrast(Color([0x76, 0x76, 0x76]), WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn a_colour_that_can_be_read_stays_as_it_is() {
        let blue = Color([0x0b, 0x57, 0xd0]);

        let (brand, _) = brand(BrandConfig { color: blue, ..BrandConfig::default() }, "https://a.test");

        let css = ":root { --brand: #0b57d0; --on-brand: #ffffff; --brand-link: #0b57d0; --brand-dark: ";
        assert!(brand.css().starts_with(css), "{}", brand.css());
        assert_eq!((brand.light.accent.as_str(), brand.light.link.as_str()), ("#0b57d0", "#0b57d0"));
        assert_eq!(brand.light.on_accent, "#ffffff");
        assert_ne!(brand.dark.accent, "#0b57d0");
    }

    #[test]
    fn a_file_is_for_pages_and_where_mails_can_reach_it_for_mails() {
        let (png, asset) = brand(file("image/png", "png"), "https://a.test/id/");
        let (local, _) = brand(file("image/png", "png"), "http://127.0.0.1:8080/");
        let (drawing, _) = brand(file("image/svg+xml", "svg"), "https://a.test/");

        let name = asset.unwrap().name;
        assert_eq!(png.logo.unwrap(), name);
        assert_eq!(png.mail_logo.unwrap(), format!("https://a.test/id/assets/{name}"));
        assert!(local.logo.is_some() && local.mail_logo.is_none());
        assert!(drawing.logo.is_some() && drawing.mail_logo.is_none());
    }

    #[test]
    fn a_remote_logo_is_for_mails_alone() {
        let url = Url::parse("https://cdn.test/logo.png").unwrap();
        let config = BrandConfig { logo: Some(Logo::Remote(url)), ..BrandConfig::default() };

        let (brand, asset) = brand(config, "https://a.test");

        assert_eq!(brand.mail_logo.as_deref(), Some("https://cdn.test/logo.png"));
        assert!(brand.logo.is_none() && asset.is_none());
    }

    proptest! {
        #[test]
        fn whatever_the_colour_everything_can_be_read(color: [u8; 3], dark: Option<[u8; 3]>) {
            let config = BrandConfig { color: Color(color), dark_color: dark.map(Color), ..BrandConfig::default() };

            let (brand, _) = brand(config, "https://a.test");

            for (palette, ground) in [(brand.light, LIGHT_GROUND), (brand.dark, DARK_GROUND)] {
                prop_assert!(contrast(parsed(&palette.accent), parsed(&palette.on_accent)) >= READABLE);
                prop_assert!(contrast(parsed(&palette.link), ground) >= READABLE);
            }
        }
    }
}
