mod smtp;

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::reader::Reader;
use super::*;
use crate::clock::SystemClock;

const PRODUCTION: [(&str, &str); 6] = [
    ("BACKSTAMP_MAIL_PROVIDER", "mailgun"),
    ("BACKSTAMP_MAILGUN_DOMAIN", "mg.example.com"),
    ("BACKSTAMP_MAILGUN_API_KEY", "key-1"),
    ("BACKSTAMP_MAILGUN_SIGNING_KEY", "sign-1, sign-2"),
    ("BACKSTAMP_SECRET_KEY", "0123456789abcdef0123456789abcdef"),
    ("BACKSTAMP_PUBLIC_URL", "https://mail.example.com"),
];

/// A folder to read from, and an environment.
struct Desk {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Desk {
    fn new(environment: &[(&'static str, &str)]) -> Self {
        let environment = environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { folder: TempDir::new().unwrap(), environment }
    }

    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    /// Production settings, with this one set or, if empty, taken away.
    fn production_but(name: &'static str, value: &str) -> Self {
        let mut desk = Self::new(&PRODUCTION);
        desk.environment.retain(|(known, _)| *known != name);
        desk.environment.push((name, value.to_owned()));
        desk
    }

    fn sources(&self) -> Sources {
        let environment = self.environment.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Sources { environment, folder: self.folder.path().to_owned() }
    }

    fn load(&self) -> Config {
        Config::load(&self.sources()).unwrap()
    }

    fn faults(&self) -> Vec<(String, Option<Source>)> {
        let faults = Config::load(&self.sources()).unwrap_err().0;
        faults.into_iter().map(|fault| (fault.variable, fault.source)).collect()
    }
}

#[test]
fn without_any_setting_there_is_a_sandbox_on_loopback() {
    let config = Desk::new(&[]).load();

    assert!(config.is_sandboxed());
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.http.public_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.database_url.expose_secret(), "sqlite://data/backstamp.db");
    assert_eq!(config.reset.page.as_str(), "http://127.0.0.1:8080/reset-password");
    assert_eq!(config.reset.ttl, Duration::from_secs(3600));
    assert_eq!(config.mail.from.to_string(), "Backstamp <no-reply@localhost>");
    assert_eq!(config.mail.reconcile_after, Duration::from_secs(2));
    assert_eq!(config.http.answer_deadline, None);
    assert_eq!(config.sandbox.listen_inside_serve().to_string(), "127.0.0.1:0");
    assert_eq!(config.sandbox.listen_alone().to_string(), "127.0.0.1:8090");
}

#[test]
fn production_settings_are_taken_as_written() {
    let config = Desk::new(&PRODUCTION).load();

    let MailProvider::Mailgun { domain, base_url, require_tls, .. } = &config.mail.provider else {
        panic!("not Mailgun");
    };
    assert_eq!(domain, "mg.example.com");
    assert_eq!(
        config.mail.signing_keys.iter().map(ExposeSecret::expose_secret).collect::<Vec<_>>(),
        ["sign-1", "sign-2"]
    );
    assert_eq!(base_url.as_str(), "https://api.mailgun.net/");
    assert!(*require_tls);
    assert_eq!(config.mail.reconcile_after, Duration::from_secs(300));
}

#[test]
fn the_environment_goes_before_dotenv_and_dotenv_before_toml() {
    let desk = Desk::new(&[("BACKSTAMP_RESET_TTL", "1")])
        .file(".env", "BACKSTAMP_RESET_TTL=2\nBACKSTAMP_RESET_COOLDOWN=2\nPATH=/nowhere\n")
        .file("backstamp.toml", "reset_ttl = 3\nreset_cooldown = 3\nresets_per_hour = 4\n");

    let reset = desk.load().reset;

    assert_eq!((reset.ttl.as_secs(), reset.cooldown.as_secs(), reset.per_hour), (1, 2, 4));
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let desk = Desk::new(&[("BACKSTAMP_RESET_TTL", ""), ("BACKSTAMP_OTLP_ENDPOINT", " ")])
        .file(".env", "BACKSTAMP_RESET_TTL=2");

    assert_eq!(desk.load().reset.ttl.as_secs(), 2);
}

#[test]
fn toml_may_group_settings_in_tables_and_lists() {
    let desk = Desk::new(&[]).file(
        "backstamp.toml",
        "track_opens = false\ntrusted_proxies = ['10.0.0.0/8', '::1']\n[mailgun]\nsigning_key = 'shared'\n",
    );

    let config = desk.load();

    assert!(!config.mail.track_opens);
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.sandbox.signing_keys[0].expose_secret(), "shared");
}

#[test]
fn every_fault_is_reported_at_once_with_its_source() {
    let desk = Desk::new(&[("BACKSTAMP_LISTEN", "everywhere")])
        .file(".env", "BACKSTAMP_RESET_TTL=soon")
        .file("backstamp.toml", "track_opens = 'perhaps'\nlogg = 'info'");

    let mut faults = desk.faults();

    faults.sort();
    let expected = [
        ("BACKSTAMP_LISTEN", Source::Environment),
        ("BACKSTAMP_LOGG", Source::Toml),
        ("BACKSTAMP_RESET_TTL", Source::Dotenv),
        ("BACKSTAMP_TRACK_OPENS", Source::Toml),
    ];
    assert_eq!(faults, expected.map(|(name, source)| (name.to_owned(), Some(source))));
}

#[test]
fn an_unknown_name_is_answered_with_the_likeliest_known_one() {
    let desk = Desk::new(&[("BACKSTAMP_PUBLICURL", "x"), ("BACKSTAMP_COLOUR", "x")]);

    let faults = Config::load(&desk.sources()).unwrap_err().0;

    let texts: Vec<String> = faults.iter().map(Fault::to_string).collect();
    let colour = "BACKSTAMP_COLOUR (from the environment) is no setting";
    let url = "BACKSTAMP_PUBLICURL (from the environment) is no setting: did you mean BACKSTAMP_PUBLIC_URL?";
    assert_eq!(texts, [colour, url]);
}

#[test]
fn whatever_is_unsafe_or_unusable_is_a_fault_of_its_variable() {
    for (name, value) in [
        ("BACKSTAMP_SECRET_KEY", ""),
        ("BACKSTAMP_SECRET_KEY", "too short"),
        ("BACKSTAMP_SECRET_KEY", "0123456789abcdef0123456789abcdef,short"),
        ("BACKSTAMP_ADMIN_KEY", "short"),
        ("BACKSTAMP_MAILGUN_SIGNING_KEY", ""),
        ("BACKSTAMP_MAILGUN_SIGNING_KEY", ","),
        ("BACKSTAMP_MAILGUN_API_KEY", ""),
        ("BACKSTAMP_MAILGUN_DOMAIN", ""),
        ("BACKSTAMP_MAILGUN_DOMAIN", "../events"),
        ("BACKSTAMP_MAILGUN_BASE_URL", "http://api.example.com"),
        ("BACKSTAMP_PUBLIC_URL", "http://mail.example.com"),
        ("BACKSTAMP_PUBLIC_URL", "http://127.0.0.1.example.com"),
        ("BACKSTAMP_PUBLIC_URL", "https://user:password@mail.example.com"),
        ("BACKSTAMP_PUBLIC_URL", "mail.example.com"),
        ("BACKSTAMP_RESET_PAGE", "http://app.example.com/reset"),
        ("BACKSTAMP_RESET_PAGE", "javascript:alert(1)"),
        ("BACKSTAMP_DATABASE_URL", "mysql://localhost/x"),
        ("BACKSTAMP_DATABASE_URL", "sqlite::memory:"),
        ("BACKSTAMP_ALLOWED_REDIRECTS", "https://app.example.com/path"),
        ("BACKSTAMP_ALLOWED_ORIGINS", "*"),
        ("BACKSTAMP_TRUSTED_PROXIES", "10.0.0.0/8, all"),
        ("BACKSTAMP_MAIL_FROM", "Ada\r\nBcc: <x@example.com>"),
        ("BACKSTAMP_MAIL_FROM", "nobody"),
        ("BACKSTAMP_RESETS_PER_HOUR", "0"),
        ("BACKSTAMP_RESET_TTL", "-1"),
        ("BACKSTAMP_PASSWORD_MIN_LENGTH", "6"),
        ("BACKSTAMP_TRACK_OPENS", "yes please"),
        ("BACKSTAMP_BRAND_COLOR", "blue"),
        ("BACKSTAMP_BRAND_COLOR", "#fff,#000,#123"),
        ("BACKSTAMP_BRAND_LOGO", "http://cdn.example.com/logo.png"),
        ("BACKSTAMP_BRAND_LOGO", "/nowhere/logo.png"),
        ("BACKSTAMP_BRAND_NAME", "%recipient%"),
        ("BACKSTAMP_SUPPORT_ADDRESS", "help"),
        ("BACKSTAMP_TEMPLATES", "/nowhere"),
        ("BACKSTAMP_LOG", "backstamp=loud"),
        ("BACKSTAMP_LOG_FORMAT", "xml"),
        ("BACKSTAMP_SMTP_URL", "http://mail.example.com"),
        ("BACKSTAMP_SANDBOX_LISTEN", "0.0.0.0:8090"),
        ("BACKSTAMP_REPEAT_REQUEST", "both"),
        ("BACKSTAMP_METRICS_LISTEN", "127.0.0.1"),
        ("BACKSTAMP_METRICS_LISTEN", "127.0.0.1:8080"),
        ("BACKSTAMP_MAIL_PROVIDER", "pigeon"),
        ("BACKSTAMP_SMTP_CA_FILE", "/nowhere/ca.pem"),
        ("BACKSTAMP_SMTP_CA_FILE", "/dev/null"),
        ("BACKSTAMP_SMTP_CONNECTIONS", "0"),
        ("BACKSTAMP_OTLP_ENDPOINT", "http://127.0.0.1:4317"),
    ] {
        let faults = Desk::production_but(name, value).faults();

        assert!(faults.iter().any(|(fault, _)| fault == name), "{name}={value}: {faults:?}");
    }
}

#[test]
fn the_sandbox_stays_on_loopback() {
    let listener = Desk::new(&[("BACKSTAMP_LISTEN", "0.0.0.0:8080")]).faults();
    let address = Desk::new(&[("BACKSTAMP_PUBLIC_URL", "https://mail.example.com")]).faults();

    assert_eq!(listener, [("BACKSTAMP_LISTEN".to_owned(), Some(Source::Environment))]);
    assert_eq!(address, [("BACKSTAMP_PUBLIC_URL".to_owned(), Some(Source::Environment))]);
}

#[test]
fn an_unknown_provider_is_the_only_fault() {
    let faults = Desk::production_but("BACKSTAMP_MAIL_PROVIDER", "pigeon").faults();

    assert_eq!(faults, [("BACKSTAMP_MAIL_PROVIDER".to_owned(), Some(Source::Environment))]);
}

#[test]
fn no_fault_and_no_debug_output_shows_a_value() {
    let canary = "canary7f3a";
    for name in VARIABLES {
        let faulty = Desk::new(&[]).file(".env", &format!("{name}='{canary}, {canary}\u{7}'"));
        let broken = Desk::new(&[])
            .file(".env", &format!("{name} {canary}\n{name}={canary} {canary}\n"))
            .file("backstamp.toml", &format!("{name} = {canary}"));

        for outcome in [Config::load(&faulty.sources()), Config::load(&broken.sources())] {
            let faults =
                outcome.map(|_| String::new()).unwrap_or_else(|faults| format!("{faults} {faults:?}"));
            assert!(!faults.contains(canary), "{faults}");
        }
    }
    let desk = Desk::production_but("BACKSTAMP_DATABASE_URL", &format!("postgres://u:{canary}@localhost/b"));
    assert!(!format!("{:?}", desk.load()).contains(canary));
}

#[test]
fn origins_are_kept_in_their_exact_ascii_form() {
    let desk =
        Desk::new(&[("BACKSTAMP_ALLOWED_REDIRECTS", "https://App.Example.com:443/, http://localhost:3000")]);

    assert_eq!(desk.load().http.allowed_redirects, ["https://app.example.com", "http://localhost:3000"]);
}

#[test]
fn a_public_url_with_a_path_keeps_it_in_links() {
    let desk = Desk::production_but("BACKSTAMP_PUBLIC_URL", "https://example.com/mail");

    assert_eq!(desk.load().reset.page.as_str(), "https://example.com/mail/reset-password");
}

#[test]
fn the_sandbox_alone_needs_only_its_own_settings() {
    let desk =
        Desk::new(&[("BACKSTAMP_MAIL_PROVIDER", "mailgun"), ("BACKSTAMP_MAILGUN_SIGNING_KEY", "shared")]);

    let sandbox = SandboxConfig::load(&desk.sources()).unwrap();

    assert_eq!(sandbox.signing_keys[0].expose_secret(), "shared");
}

#[test]
fn a_sender_with_punctuation_in_its_name_is_quoted() {
    let desk = Desk::new(&[("BACKSTAMP_MAIL_FROM", "\"Ada, Ltd.\" <ada@example.com>")]);

    assert_eq!(desk.load().mail.from.to_string(), "\"Ada, Ltd.\" <ada@example.com>");
}

#[test]
fn the_sandbox_makes_its_keys_once_and_for_their_owner_only() {
    let mut desk = Desk::new(&[]);
    let data = desk.folder.path().join("data");
    desk.environment.push(("BACKSTAMP_DATA_DIR", data.display().to_string()));
    let (mut first, mut second) = (desk.load(), desk.load());

    let new = first.load_or_create_keys(&SystemClock).unwrap();
    let known = second.load_or_create_keys(&SystemClock).unwrap();

    let admin = new.admin.unwrap();
    let parts: Vec<&str> = admin.expose_secret().split('_').collect();
    assert_eq!((parts.len(), parts[0], parts[2].len()), (3, "bsk", 64));
    assert!(known.admin.is_none());
    for keys in [&first.keys, &second.keys] {
        assert_eq!(keys.admin.as_ref().unwrap().expose_secret(), admin.expose_secret());
        assert_eq!(keys.secret[0].expose_secret(), first.keys.secret[0].expose_secret());
    }
    let mut files: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap()).collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    assert_eq!(files.iter().map(|file| file.file_name()).collect::<Vec<_>>(), ["admin.key", "secret.key"]);
    assert!(files.iter().all(|file| file.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
}

#[test]
fn a_damaged_key_file_stops_the_start_and_is_left_alone() {
    let mut desk = Desk::new(&[]);
    desk.environment.push(("BACKSTAMP_DATA_DIR", desk.folder.path().display().to_string()));
    let desk = desk.file("secret.key", "");

    let outcome = desk.load().load_or_create_keys(&SystemClock);

    assert!(matches!(outcome, Err(KeyFileError::Malformed { .. })));
    assert_eq!(std::fs::read_to_string(desk.folder.path().join("secret.key")).unwrap(), "");
}

#[test]
fn keys_are_never_made_outside_the_sandbox() {
    let mut desk = Desk::new(&PRODUCTION);
    let data = desk.folder.path().join("data");
    desk.environment.push(("BACKSTAMP_DATA_DIR", data.display().to_string()));
    let mut config = desk.load();

    config.load_or_create_keys(&SystemClock).unwrap();

    assert!(config.keys.admin.is_none());
    assert!(!data.exists());
}

#[test]
fn every_variable_is_read_and_stands_in_the_sample() {
    let mut reader = Reader::new(&Desk::new(&PRODUCTION).sources());
    Config::read(&mut reader);
    let sample: Vec<&str> = include_str!("../../.env.sample")
        .lines()
        .filter_map(|line| line.trim_start_matches(['#', ' ']).split_once('=').map(|(name, _)| name))
        .filter(|name| name.starts_with("BACKSTAMP_"))
        .collect();

    assert_eq!(reader.asked.into_iter().collect::<Vec<_>>(), VARIABLES);
    let mut sorted = sample.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, VARIABLES);
}

#[test]
fn the_sample_is_a_configuration_that_starts() {
    let sample = include_str!("../../.env.sample");
    let uncommented: String = sample
        .lines()
        .map(|line| {
            line.strip_prefix("#BACKSTAMP_").map_or(line.to_owned(), |rest| format!("BACKSTAMP_{rest}"))
                + "\n"
        })
        .collect();

    let as_it_is = Desk::new(&[]).file(".env", sample).load();
    let with_everything = Desk::new(&[]).file(".env", &uncommented).load();

    assert_eq!(as_it_is.reset.ttl, with_everything.reset.ttl);
    assert!(with_everything.is_sandboxed());
}
