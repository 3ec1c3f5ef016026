//! Where a request would go, and why.

use mecha_cluster::Health;
use serde_json::{Value, json};

use super::Admin;
use super::client::get;

async fn explain(admin: &Admin, question: &str) -> Value {
    let answer = get(admin.address, &format!("/api/v1/explain?{question}")).await;
    assert_eq!(answer.status, 200, "{question}: {}", answer.body);
    answer.json()
}

#[tokio::test]
async fn every_listener_that_takes_requests_answers() {
    let admin = Admin::start();
    let answer = explain(&admin, "url=http://a.api.example:80/cart&header=X-User:%20me").await;
    assert_eq!(answer["request"]["headers"], json!([["x-user", "me"], ["host", "a.api.example:80"]]));
    let [front, back] = answer["listeners"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!((&front["listener"], &back["listener"]), (&json!("front"), &json!("back")));
    assert_eq!(front["protocols"], json!(mecha_config::Protocol::ALL.map(mecha_config::Protocol::name)));
    assert_eq!(front["address"], "127.0.0.1:2045");
    assert_eq!(front["virtual_host"]["domain"], "*.api.example:*");
    assert_eq!(back["virtual_host"]["name"], "all");
    assert_eq!(back["outcome"], "sent to cluster \"blue\"");
    admin.stop().await;
}

#[tokio::test]
async fn a_message_of_an_rpc_protocol_is_asked_about_by_its_service() {
    let admin = Admin::start();
    let answer = explain(&admin, "service=a.Api.example&method=get&header=group:blue").await;
    assert_eq!(
        answer["request"]["headers"],
        json!([["service", "a.Api.example"], ["method", "get"], ["group", "blue"]])
    );
    let [front] = answer["listeners"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    assert_eq!(
        (&front["listener"], &front["routes_tried"][0]["why_not"]),
        (&json!("front"), &json!("the path is \"/\""))
    );
    let refused = get(admin.address, "/api/v1/explain?service=a.B&listener=back").await;
    assert_eq!(refused.status, 400);
    let error = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("the listener \"back\" serves Http1, and no such request"), "{error}");
    admin.stop().await;
}

#[tokio::test]
async fn a_forwarded_request_shows_its_way() {
    let admin = Admin::start();
    let blue = admin.clusters.get("blue").unwrap();
    blue.hosts()[1].set_ill(Health::Ejected, true);
    let answer = explain(&admin, "listener=front&url=http://api.example/cart?x&header=x-user:me").await;
    let front = &answer["listeners"][0];
    assert_eq!(front["route"], 1);
    assert_eq!(front["routes_tried"][0]["matched"], false);
    assert_eq!(front["routes_tried"][0]["why_not"], "the path is \"/cart\"");
    assert_eq!(front["routes_tried"][1]["matched"], true);
    assert_eq!(front["upstream_request"], json!({ "authority": "api.example", "target": "/v2/cart?x" }));
    assert_eq!(
        front["timeout"],
        json!({ "global": "3s", "covers": "the whole response", "per_try": "500ms" })
    );
    assert_eq!((&front["retry"]["retries"], &front["retry"]["status_codes"]), (&json!(5), &json!([502])));
    let clusters = front["clusters"].as_array().unwrap();
    assert_eq!((&clusters[0]["weight"], &clusters[0]["of"]), (&json!(90), &json!(100)));
    assert_eq!(clusters[0]["hosts"][0]["healthy"], true);
    assert_eq!(
        (&clusters[0]["hosts"][1]["healthy"], &clusters[0]["hosts"][1]["weight"]),
        (&json!(false), &json!(3))
    );
    assert_eq!((&clusters[1]["cluster"], &clusters[1]["exists"]), (&json!("gone"), &json!(false)));
    assert_eq!(front["outcome"], "sent to cluster \"blue\", or 404: there is no cluster \"gone\"");

    blue.hosts()[0].set_ill(Health::Ejected, true);
    let answer = explain(&admin, "listener=back&url=/").await;
    assert_eq!(answer["listeners"][0]["outcome"], "503: no host of cluster \"blue\" is healthy");
    admin.stop().await;
}

#[tokio::test]
async fn answers_that_the_proxy_gives_itself_are_told() {
    let admin = Admin::start();
    let cases = [
        ("http://api.example/old/x?y", "redirect", "answered 308: go to http://api.example/new?y"),
        ("http://api.example/teapot", "direct_response", "answered 418 by the proxy itself"),
        ("http://api.example/none", "none", "answered 404: no route of the virtual host matches"),
        ("http://elsewhere/", "none", "answered 404: no virtual host has a domain for \"elsewhere\""),
    ];
    for (url, action, outcome) in cases {
        let answer = explain(&admin, &format!("listener=front&url={url}")).await;
        let front = &answer["listeners"][0];
        assert_eq!((&front["action"], &front["outcome"]), (&json!(action), &json!(outcome)), "{url}");
    }
    admin.stop().await;
}

#[tokio::test]
async fn a_bad_question_is_sent_back_with_the_reason() {
    let admin = Admin::start();
    let cases = [
        ("", "the parameter \"url\" is missing"),
        ("url=/&listener=frant", "there is no listener \"frant\"; did you mean \"front\"?"),
        ("url=/&listener=bytes", "the listener \"bytes\" passes bytes on and knows no requests"),
        ("url=/%zz", "cannot decode \"/%zz\" in the query"),
    ];
    for (question, why) in cases {
        let answer = get(admin.address, &format!("/api/v1/explain?{question}")).await;
        assert_eq!(answer.status, 400, "{question}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(why), "{question}: {error}");
    }
    admin.stop().await;
}
