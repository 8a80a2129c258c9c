//! What a call does not know is refused: a mistyped filter must not be answered with everything.

use super::keys::json_of;
use super::*;

/// Every path below `/v1` that can be read, with its document.
async fn readable(server: &TestServer) -> Vec<(String, Value)> {
    let document = json_of(server.client.get("/openapi.json").send().await).await;
    let paths = document["paths"].as_object().unwrap().clone();
    let readable = paths.into_iter().filter(|(path, _)| path.starts_with("/v1/"));
    readable.filter_map(|(path, operations)| Some((path, operations.get("get")?.clone()))).collect()
}

#[tokio::test]
async fn every_call_that_reads_refuses_a_parameter_that_it_does_not_know() {
    let server = TestServer::start().await;
    let (_, session) = server.session_of(Role::Admin).await;
    let paths = readable(&server).await;
    assert!(paths.len() > 20, "{paths:?}");

    for (path, _) in paths {
        let path = path.replace("{id}", "1").replace("{address}", "a@example.test");
        for method in [Method::GET, Method::HEAD] {
            let refused = server.call(method.clone(), &format!("{path}?colour=red"), &session, None).await;
            if method == Method::HEAD {
                refused.assert_status(StatusCode::UNPROCESSABLE_ENTITY);
            } else {
                assert_eq!(problem(refused).await, refusal(422, "invalid_request", &["/colour"]), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn what_was_probably_meant_is_named_and_no_value_is_echoed() {
    let server = TestServer::start().await;

    let refused =
        server.ask("/v1/messages?templte=welcome&ada@example.test=1&outcome=delivered&limt=2").await;
    let told = json_of(refused).await;

    let fault = |pointer: &str, message: &str| json!({ "pointer": pointer, "code": "unknown_parameter", "message": message });
    let expected = [
        fault("", "is not known here"),
        fault("/limt", "is not known here: did you mean limit?"),
        fault("/templte", "is not known here: did you mean template?"),
    ];
    assert_eq!(told["errors"], json!(expected));
    assert!(!told.to_string().contains("ada@") && !told.to_string().contains("welcome"), "{told}");
}

#[tokio::test]
async fn nobody_without_a_key_is_told_anything() {
    let TestServer { client, .. } = &TestServer::start().await;

    let refused = client.get("/v1/messages?templte=x").send().await;

    assert_eq!(problem(refused).await, refusal(401, "unauthorized", &[]));
}

#[tokio::test]
async fn every_parameter_of_the_document_is_known() {
    let server = TestServer::start().await;

    for (path, operation) in readable(&server).await {
        if path.ends_with("/stream") {
            continue;
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            if parameter["in"] == "query" {
                let path = path.replace("{id}", "1");
                let answer = json_of(server.ask(&format!("{path}?{name}=1")).await).await;
                assert!(!answer.to_string().contains("unknown_parameter"), "{path} {name}: {answer}");
            }
        }
    }
}
