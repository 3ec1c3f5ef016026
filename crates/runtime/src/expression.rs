//! CEL expressions of configurations: rules of subscriptions, and when a circuit breaker opens. Compiled once, asked often.

use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program};

/// Most operators of an expression. Each may be one level more of recursion when it is compiled or asked, and the stack
/// is no longer than 2 MiB; 1300 levels were measured to fit.
const MOST_OPERATORS: usize = 800;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Compiles an expression.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn compile(text: &str) -> Result<Program, String> {
    if operators(text) > MOST_OPERATORS {
        return Err(format!("it has more than {MOST_OPERATORS} operators; write several shorter ones"));
    }
    ENV.compile(text).map_err(|error| error.to_string())
}

/// Where an expression is asked; variables are to be added.
pub(crate) fn context<'c>() -> Context<'c, 'static> {
    Context::with_env(ENV.clone())
}

/// What may nest, counted in strings too: where one of those ends is for the compiler to say.
fn operators(text: &str) -> usize {
    text.matches(|c: char| "+-*/%<>=!?.[({".contains(c)).count() + text.matches("in").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_of_any_depth_is_refused_or_asked() {
        for depth in [90, 399, 790, 10_000] {
            for (open, inner, close) in [
                ("(", "true", ")"),
                ("[", "1", "]"),
                ("{1:", "1", "}"),
                ("!", "true", ""),
                ("-", "1", ""),
                ("1+", "1", ""),
                ("1<", "1", ""),
                ("1 in ", "1", ""),
                ("true?1:", "1", ""),
                ("true&&", "true", ""),
                ("", "event", ".a"),
                ("", "event", ".a()"),
                ("", "event", "[0]"),
            ] {
                let text = open.repeat(depth) + inner + &close.repeat(depth);
                if let Ok(program) = compile(&text) {
                    let _ = program.execute(&context());
                }
            }
        }
    }

    #[test]
    fn a_choice_among_hundreds_is_no_depth() {
        let text = format!("'order 7' in [{}'order 7']", "'another order', ".repeat(500));
        assert_eq!(compile(&text).unwrap().execute(&context()), Ok(true.into()));
        let text = "1 + ".repeat(900) + "1";
        assert!(compile(&text).unwrap_err().contains("more than 800 operators"));
    }
}
