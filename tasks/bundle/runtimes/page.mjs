// The page: a form of the columns that the model or its contract reads. All texts are set as text, never as HTML.
const opened = performance.now();
const byId = id => document.getElementById(id);
const make = (tag, properties, ...inside) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...inside);
  return made;
};
const EXPECTED = {
  not_a_number: "expected a number", not_finite: "expected a smaller number", not_a_boolean: "expected yes or no",
  not_a_time: "expected a date of the years 1700 to 2200", too_long: "expected at most 1000 characters",
  missing_id: "expected a value", missing_time: "expected a date", unknown_column: "not a column of the contract",
};
const MOST_OPTIONS = 20;

const hintOf = (name, rules) => rules.filter(({columns}) => columns.length == 1 && columns[0] == name).map(rule => {
  const {min_value: low, max_value: high} = rule.limits;
  const range = [low ?? null, high ?? null];
  if (rule.rule == "expect_column_values_to_not_be_null") return "required";
  if (rule.rule != "expect_column_values_to_be_between") return "";
  return range[0] === null ? `up to ${high}` : range[1] === null ? `from ${low}` : `${low} to ${high}`;
}).filter(Boolean).join(", ");

const controlOf = (name, kind, {plan, contract}, id) => {
  if (kind == "number") return make("input", {type: "text", inputMode: "decimal", autocomplete: "off"});
  if (kind == "time") {
    const hours = plan.dates.some(part => part.column == name && part.kind == "hour");
    const control = make("input", {type: hours ? "datetime-local" : "date"});
    if (name == contract.event_time) control.value = new Date().toISOString().slice(0, hours ? 16 : 10);
    return control;
  }
  const table = new Map(plan.categories).get(name) ?? [];
  const options = kind == "boolean" ? [["", "unknown"], ["true", "yes"], ["false", "no"]]
    : table.length && table.length <= MOST_OPTIONS ? [["", "unknown"], ...table.map(value => [value, value])] : null;
  if (options) return make("select", {}, ...options.map(([value, shown]) => make("option", {value, textContent: shown})));
  const control = make("input", {type: "text", autocomplete: "off"});
  if (table.length) {
    const list = make("datalist", {id: `${id}-list`}, ...table.map(value => make("option", {value})));
    control.setAttribute("list", list.id);
    byId("fields").append(list);
  }
  return control;
};

const fieldsOf = model => {
  const {contract, plan} = model, {ids, event_time: timed} = contract;
  const read = new Set([...plan.numbers, ...plan.booleans, ...plan.categories.map(([name]) => name), timed, ...ids,
    ...plan.dates.map(({column}) => column), ...contract.rules.flatMap(({columns}) => columns)]);
  return contract.kinds.filter(([name]) => read.has(name)).map(([name, kind], number) => {
    const id = `field-${number}`, isId = ids.includes(name) && name != timed;
    const control = controlOf(name, kind, model, id), hint = make("small", {id: `${id}-hint`});
    Object.assign(control, {id, name: id});
    control.setAttribute("aria-describedby", hint.id);
    if (isId) control.value = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
    const said = isId ? "names the row; this one is random" : hintOf(name, contract.rules);
    byId("fields").append(make("div", {className: "field"}, make("label", {htmlFor: id, textContent: name}), control, hint));
    return {name, control, hint, said};
  });
};

const show = (model, answer) => {
  const {label} = model.about, lines = [], percent = share => `${(100 * share).toPrecision(3)} %`;
  if (answer.stale) lines.push(["large", "A person decides"], ["", "This model is out of date. Replace it with a newer bundle."]);
  else if (answer.prediction === null) lines.push(["large", "A person decides"], ["", "The model is not sure enough of this row."]);
  else if (answer.probabilities) {
    lines.push(["large", `${label}: ${answer.prediction}`]);
    for (const [name, share] of Object.entries(answer.probabilities)) lines.push(["", `${name}: ${percent(share)}`]);
  } else if ("decision" in answer)
    lines.push(["large", `${label}: ${answer.decision ? "yes" : "no"}`], ["", `probability of yes: ${percent(answer.prediction)}`]);
  else lines.push(["large", `${label}: ${answer.prediction.toLocaleString("en", {maximumSignificantDigits: 6})}`]);
  if (answer.proposal) lines.push(["", "This is a proposal: a person decides."]);
  const panel = byId("answer");
  panel.replaceChildren(...lines.map(([className, textContent]) => make("p", {className, textContent})));
  panel.classList.toggle("person", answer.deferred);
  panel.hidden = false;
};

const refuse = (faults, fields) => {
  const unnamed = [];
  for (const fault of faults) {
    const code = fault.split(":", 1)[0], said = EXPECTED[code] ?? fault;
    const own = fields.filter(({name}) => fault == `${code}:${name}`);
    for (const {control, hint} of own) {
      control.setAttribute("aria-invalid", "true");
      Object.assign(hint, {className: "fault", textContent: EXPECTED[code] ?? `outside of what is expected: ${hint.textContent || code}`});
    }
    if (!own.length) unnamed.push(said);
  }
  const panel = byId("answer");
  panel.replaceChildren(make("p", {className: "large", textContent: "Not answered"}),
    make("p", {textContent: ["Some values cannot be right.", ...unnamed].join(" ")}));
  panel.classList.add("person");
  panel.hidden = false;
  fields.find(({control}) => control.hasAttribute("aria-invalid"))?.control.focus();
};

const start = () => {
  const model = openBundle(byId("bundle").textContent), fields = fieldsOf(model), {about} = model;
  const ready = performance.now(), state = document.documentElement.dataset;
  const reset = () => {
    for (const {control, hint, said} of fields) {
      control.removeAttribute("aria-invalid");
      Object.assign(hint, {className: "", textContent: said});
    }
  };
  byId("form").addEventListener("submit", event => {
    event.preventDefault();
    reset();
    const row = Object.fromEntries(fields.map(({name, control}) => [name, control.value === "" ? null : control.value]));
    const before = performance.now();
    try {
      const answer = model.answer(row);
      state.answerMs ??= (performance.now() - before).toFixed(2);
      show(model, answer);
    } catch (error) {
      if (!(error instanceof RowRefused)) throw error;
      refuse(error.faults, fields);
    }
  });
  reset();
  const stale = about.stale_on === null ? "" : `, until ${about.stale_on}`;
  byId("about").textContent = `${about.project} version ${about.version}, bundle ${about.serial} of ${about.made_on}${stale}. ` +
    `${model.rows} reference rows were answered with the same bits. This page works without a network, and sends nothing anywhere.`;
  state.openMs = (ready - opened).toFixed(2);
  globalThis.leeway = model;
};
try {
  start();
  document.documentElement.dataset.ready = "yes";
} catch (error) {
  byId("form").hidden = true;
  byId("about").textContent = `This bundle cannot be used: ${error.message}`;
  document.documentElement.dataset.ready = "no";
}
