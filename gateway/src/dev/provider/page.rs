//! The page with the one click. Nothing on it comes from a request but a name that was drawn here.

use super::Person;

pub(super) fn choose(name: &str, people: &[Person]) -> String {
    let button = |person: &Person| {
        let Person { subject, name, email, groups } = person;
        let groups = groups.join(", ");
        format!(
            "<li><button name=\"person\" value=\"{subject}\"><strong>{name}</strong><br>{email}<br>\
             <small>groups: {groups}</small></button></li>\n"
        )
    };
    let buttons: String = people.iter().map(button).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Sign in - keyledger dev</title><style>{STYLE}</style></head>\n\
         <body><main>\n<h1>Who are you today?</h1>\n\
         <p>This is the identity provider of <code>keyledger dev</code>, on this machine alone. It knows two people and \
         asks for no password.</p>\n\
         <form method=\"post\" action=\"/sign-in\">\n<input type=\"hidden\" name=\"request\" value=\"{name}\">\n\
         <ul>\n{buttons}</ul>\n<button name=\"cancel\" value=\"yes\">Cancel</button>\n</form>\n</main></body>\n</html>\n"
    )
}

const STYLE: &str = ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:0}\
    main{max-width:28rem;margin:0 auto;padding:1rem}ul{list-style:none;padding:0}\
    button{font:inherit;padding:.75rem;margin:.25rem 0;width:100%;text-align:left;cursor:pointer}";
