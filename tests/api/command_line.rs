//! Starting and stopping: what the program refuses to start with, what it says then, and how it ends.

use backstamp::database::Dialect;

use crate::support::{Installation, eventually, free_port};

#[tokio::test]
async fn a_wrong_configuration_stops_the_start_and_every_fault_is_told_at_once() {
    let mut installation = Installation::new().await;
    installation
        .set("BACKSTAMP_MAIL_PROVIDER", "mailgun")
        .set("BACKSTAMP_MAILGUN_SIGNING_KEY", "")
        .set("BACKSTAMP_SECRET_KEY", "short-secret")
        .set("BACKSTAMP_LISTEN", "localhost")
        .set("BACKSTAMP_PUBLIC_URL", "http://app.example.test")
        .set("BACKSTAMP_RESET_TTL", "an hour")
        .set("BACKSTAMP_RESET_TLT", "60")
        .set("BACKSTAMP_TRUSTED_PROXIES", "everybody");

    let output = installation.run(&["serve"], "").await;

    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for fault in [
        "BACKSTAMP_MAILGUN_DOMAIN is required",
        "BACKSTAMP_MAILGUN_API_KEY is required",
        "BACKSTAMP_MAILGUN_SIGNING_KEY is required",
        "BACKSTAMP_SECRET_KEY (from the environment) must hold at least 32",
        "BACKSTAMP_LISTEN (from the environment)",
        "BACKSTAMP_PUBLIC_URL (from the environment) must be https",
        "BACKSTAMP_RESET_TTL (from the environment) must be a whole number",
        "BACKSTAMP_RESET_TLT (from the environment) is no setting: did you mean BACKSTAMP_RESET_TTL?",
        "BACKSTAMP_TRUSTED_PROXIES (from the environment)",
    ] {
        assert!(told.contains(fault), "{fault} is not in:\n{told}");
    }
    assert!(!told.contains("short-secret") && !told.contains("everybody"), "{told}");
}

#[tokio::test]
async fn who_finds_the_port_taken_is_told_what_sets_another() {
    let mut installation = Installation::new().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for setting in ["BACKSTAMP_LISTEN", "BACKSTAMP_METRICS_LISTEN"] {
        installation.set(setting, &address);

        let output = installation.run(&["serve"], "").await;

        let told = String::from_utf8_lossy(&output.stderr);
        let last = told.lines().last().unwrap_or_default();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(last.starts_with(&format!("backstamp: cannot listen on {address};")), "{told}");
        assert!(last.contains(&format!("set with {setting}")) && last.contains("in use"), "{told}");
        installation.set("BACKSTAMP_LISTEN", &format!("127.0.0.1:{}", free_port()));
    }
}

#[tokio::test]
async fn in_the_sandbox_the_root_leads_to_the_mailbox_and_from_there_on() {
    let installation = Installation::new().await;
    let program = installation.start().await;

    let root = program.api.get("/").await;
    let mailbox = program.api.get(root.header("location")).await;

    assert_eq!((root.status, root.header("location")), (303, "/sandbox"));
    for path in ["/register", "/login", "/forgot-password", "/dashboard", "/docs", "/sandbox/templates"] {
        assert!(mailbox.text.contains(&format!("href=\"{path}\"")), "{}", mailbox.text);
        assert_ne!(program.api.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_health_check_asks_the_server_and_fails_without_one() {
    let installation = Installation::new().await;
    let program = installation.start().await;

    installation.succeed(&["healthcheck"], "").await;
    program.terminate().await;
    let output = installation.run(&["healthcheck"], "").await;

    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("no answer from 127.0.0.1:"), "{told}");
}

#[tokio::test]
async fn a_second_process_is_refused_on_a_file_and_welcome_on_a_server() {
    let installation = Installation::new().await;
    let first = installation.start().await;
    let mut second = installation.launch_with(&installation.listening_elsewhere());

    if installation.scratch.database.dialect() == Dialect::Postgres {
        let second = second.ready().await;
        assert!(second.terminate().await.success());
    } else {
        eventually("the second one gives up", async || (!second.lives()).then_some(())).await;
        assert!(second.log().contains("another backstamp serves this database already"), "{}", second.log());
    }

    assert_eq!(first.api.status("/readyz").await, Some(200));
    installation.succeed(&["accounts", "list"], "").await;
}

#[tokio::test]
async fn told_to_stop_it_ends_well_and_has_forgotten_nothing_at_the_next_start() {
    let installation = Installation::new().await;
    let program = installation.start().await;
    installation.account("owner@example.test").await;

    let request_id = program.api.request_reset("owner@example.test").await;
    let status = program.terminate().await;
    let program = installation.start().await;
    let (_, token) = program.mailbox.receive_link("owner@example.test").await;

    assert!(status.success(), "{status}");
    assert_eq!(program.api.confirm(&token, "vermilion otter lantern").await.status, 200);
    eventually("the story is whole", async || {
        program.api.kinds(&request_id).await.contains(&"completed".to_owned()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_database_that_has_sent_real_mail_never_goes_back_to_the_sandbox() {
    let (mut installation, _sandbox) = Installation::with_sandbox().await;
    assert!(installation.start().await.terminate().await.success());

    installation.set("BACKSTAMP_MAIL_PROVIDER", "sandbox");
    let output = installation.run(&["serve"], "").await;

    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("BACKSTAMP_MAIL_PROVIDER=mailgun"), "{told}");
}

#[tokio::test]
async fn the_sandbox_refuses_to_be_reached_from_elsewhere() {
    let mut installation = Installation::new().await;
    installation.set("BACKSTAMP_LISTEN", "0.0.0.0:0").set("BACKSTAMP_PUBLIC_URL", "https://app.example.test");

    let output = installation.run(&["serve"], "").await;

    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("BACKSTAMP_LISTEN") && told.contains("BACKSTAMP_PUBLIC_URL"), "{told}");
}
