//! Where an event goes: CEL expressions over `event`, asked in order (reference 1.6). Compiled once; a subscription
//! whose first rule has no expression never evaluates anything.

use std::collections::HashMap;

use cel::{Context, Program};
use mecha_config::runtime::SubscriptionRule;
use serde_json::{Map, Value};

use crate::expression;

/// The rules of one subscription.
pub(super) struct Rules(Vec<Rule>);

struct Rule {
    /// `None` = always.
    matches: Option<Program>,
    text: String,
    path: String,
}

impl Rules {
    /// Compiles expressions. No rules at all means one that always holds, without a path.
    ///
    /// # Errors
    /// Which expression is wrong, and how.
    pub(super) fn compile(rules: &[SubscriptionRule]) -> Result<Self, String> {
        let mut compiled = Vec::with_capacity(rules.len().max(1));
        for rule in rules {
            let text = rule.matches.trim();
            let wrong = |error| format!("the rule {text:?} is not a CEL expression: {error}");
            let matches = (!text.is_empty()).then(|| expression::compile(text)).transpose().map_err(wrong)?;
            compiled.push(Rule { matches, text: text.to_owned(), path: rule.path.clone() });
        }
        if compiled.is_empty() {
            compiled.push(Rule { matches: None, text: String::new(), path: String::new() });
        }
        Ok(Rules(compiled))
    }

    /// The path of the first rule that holds.
    ///
    /// # Errors
    /// An expression that fails (a field that is not there) or does not say true or false.
    pub(super) fn path(&self, event: &Map<String, Value>) -> Result<Option<&str>, String> {
        let mut context: Option<Context<'_, '_>> = None;
        for rule in &self.0 {
            let Some(program) = &rule.matches else { return Ok(Some(&rule.path)) };
            let context = context.get_or_insert_with(|| {
                let mut context = expression::context();
                context.add_variable_from_value("event", object(event));
                context
            });
            match program.execute(context) {
                Ok(cel::Value::Bool(true)) => return Ok(Some(&rule.path)),
                Ok(cel::Value::Bool(false)) => {}
                Ok(_) => {
                    return Err(format!("the result of match expression {} was not a boolean", rule.text));
                }
                Err(error) => return Err(format!("the match expression {} failed: {error}", rule.text)),
            }
        }
        Ok(None)
    }
}

fn object(map: &Map<String, Value>) -> cel::Value {
    let fields: HashMap<String, cel::Value> =
        map.iter().map(|(name, value)| (name.clone(), convert(value))).collect();
    fields.into()
}

/// Whole numbers are `int`, so that they compare to literals; others are `double`.
fn convert(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(fraction)) => fraction.into(),
            (None, None) => cel::Value::Null,
        },
        Value::String(text) => text.clone().into(),
        Value::Array(items) => items.iter().map(convert).collect::<Vec<_>>().into(),
        Value::Object(map) => object(map),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(rules: &[(&str, &str)]) -> Rules {
        let rule = |(matches, path): &(&str, &str)| SubscriptionRule {
            matches: (*matches).to_owned(),
            path: (*path).to_owned(),
        };
        Rules::compile(&rules.iter().map(rule).collect::<Vec<_>>()).unwrap()
    }

    fn event() -> Map<String, Value> {
        let event = serde_json::json!({
            "type": "order.v2", "data": { "amount": 12, "weight": 1.5, "tags": ["new"], "customer": { "vip": true } }
        });
        event.as_object().unwrap().clone()
    }

    #[test]
    fn the_first_rule_that_holds_gives_the_path() {
        let rules = rules(&[
            ("event.type == 'order.v1'", "/v1"),
            ("event.data.amount > 10", "/big"),
            ("event.data.amount > 11", "/bigger"),
            ("", "/rest"),
        ]);
        assert_eq!(rules.path(&event()), Ok(Some("/big")));
    }

    #[test]
    fn the_default_takes_what_no_rule_matches_and_without_one_there_is_no_path() {
        assert_eq!(rules(&[("event.type == 'x'", "/x"), ("", "/rest")]).path(&event()), Ok(Some("/rest")));
        assert_eq!(rules(&[("event.type == 'x'", "/x")]).path(&event()), Ok(None));
    }

    #[test]
    fn expressions_see_nested_data() {
        for expression in [
            "event.data.customer.vip",
            "'new' in event.data.tags",
            "event.data.weight < 2.0 && event.data.amount == 12",
            "event.type.startsWith('order.')",
            "has(event.data.amount) && !has(event.data.missing)",
        ] {
            assert_eq!(rules(&[(expression, "/yes")]).path(&event()), Ok(Some("/yes")), "{expression}");
        }
    }

    #[test]
    fn a_missing_field_or_another_type_is_an_error() {
        assert!(rules(&[("event.data.missing == 1", "/x")]).path(&event()).is_err());
        let error = rules(&[("event.type", "/x")]).path(&event()).unwrap_err();
        assert!(error.contains("was not a boolean"), "{error}");
    }

    #[test]
    fn a_wrong_expression_is_told_when_it_is_compiled() {
        let wrong = SubscriptionRule { matches: "event.type ==".into(), path: "/x".into() };
        let error = Rules::compile(&[wrong]).err().unwrap();
        assert!(error.contains("event.type =="), "{error}");
    }
}
