// Answers rows with a bundled model, without a server: openBundle(text).answer(row).
// Each part does what the module of Leeway does that is named above it, on one row. What is between "// if" and
// "// end" is left out of a bundle with a model or a contract that has no need of it.

// tasks.row_contract.cell_values: a cell that cannot be read throws the code of its fault.
const MISSING = new Set(["", "na", "n/a", "nan", "null", "none", "\\n"]);
const BLANKS = "[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const ENDS = new RegExp(`^${BLANKS}|${BLANKS}$`, "g");
const text = value => {
  if ([...value].length > 1000) throw "too_long";
  if (/[\0\p{Cs}]/u.test(value)) throw "not_a_text";
  return value.replace(ENDS, "");
};
// A whole number from 2^53 on may have been rounded before it is here; as a text it is not.
const exact = value => {
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw "not_exact";
  return value;
};
const number = decimal => value => {
  if (typeof value == "number" && Number.isFinite(value)) return exact(value);
  if (typeof value == "number") throw "not_finite";
  if (typeof value != "string") throw "not_a_number";
  let digits = text(value);
  if (decimal == ",") digits = digits.replaceAll(".", "'").replaceAll(",", ".");
  const found = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(digits) ? Number(digits) : NaN;
  if (Number.isFinite(found)) return found;
  if (MISSING.has(digits.toLowerCase())) return null;
  throw found == found || /^[+-]?inf(inity)?$/i.test(digits) ? "not_finite" : "not_a_number";
};
const boolean = value => {
  if (typeof value == "boolean") return value;
  const word = typeof value == "string" ? text(value).toLowerCase() : value;
  if ([1, "true", "yes", "y", "1", "1.0"].includes(word)) return true;
  if (Object.is(word, 0) || ["false", "no", "n", "0", "0.0"].includes(word)) return false;
  if (MISSING.has(word)) return null;
  throw "not_a_boolean";
};
const category = value => {
  if (typeof value == "boolean") return String(value);
  if (typeof value == "number" && Number.isFinite(value)) {
    if (Number.isInteger(value)) return String(exact(value));
    return Math.abs(value) < 1e-4 ? value.toExponential().replace(/-(\d)$/, "-0$1") : String(value);
  }
  if (typeof value != "string") throw "not_a_category";
  const name = text(value);
  return name == "" || name == "\\N" ? null : name;
};
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:(?<=:\d\d:\d\d)\.(\d{1,6}))?(?:(Z)|([+-])(\d\d):?(\d\d))?)?$/;
// A time is microseconds of the wall clock after 1970; `late` is the offset of the second of two equal ones.
const time = zone => {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
    hour: "numeric", minute: "numeric", second: "numeric",
  });
  const wall = at => {
    const part = Object.fromEntries(format.formatToParts(at).map(({type, value}) => [type, +value]));
    return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
  };
  return value => {
    if (typeof value != "string") throw "not_a_time";
    const given = text(value), found = TIME.exec(given);
    if (!found && MISSING.has(given.toLowerCase())) return null;
    if (!found) throw "not_a_time";
    const [, day, clock = "00:00", seconds = ":00", fraction = "", zulu, sign, hours = 0, minutes = 0] = found;
    const iso = `${day}T${clock}${seconds}`, moment = Date.parse(iso + "Z"), year = day.slice(0, 4);
    const ahead = 60 * hours + +minutes;
    if (!(moment == moment) || new Date(moment).toISOString().slice(0, 19) != iso) throw "not_a_time";
    if (year < 1700 || year > 2200 || minutes > 59 || ahead > 840) throw "not_a_time";
    const micro = +fraction.padEnd(6, "0");
    if (!zulu && !sign) return {us: moment * 1000 + micro};
    const at = moment - ahead * (sign == "-" ? -60000 : 60000), here = wall(at), before = at - 144e5;
    const back = wall(before) - before - (here - at);
    const late = back > 0 && wall(at - back) == here ? here - at : undefined;
    return {us: here * 1000 + micro, late};
  };
};
const two = value => String(value).padStart(2, "0");
const timeText = ({us, late}) => {
  const micro = ((us % 1e6) + 1e6) % 1e6;
  const iso = new Date((us - micro) / 1000).toISOString().slice(0, 19) + (micro ? "." + String(micro).padStart(6, "0") : "");
  if (late === undefined) return iso.endsWith("T00:00:00") ? iso.slice(0, 10) : iso;
  const size = Math.abs(late) / 60000;
  return iso + (late < 0 ? "-" : "+") + two(Math.floor(size / 60)) + ":" + two(size % 60);
};

// tasks.row_contract.row_rules
const within = limits => value => {
  const {min_value: low = null, max_value: high = null} = limits;
  return (low === null || (limits.strict_min ? value > low : value >= low)) &&
    (high === null || (limits.strict_max ? value < high : value <= high));
};
// if pair
const pair = test => limits => ([one, other]) => {
  if (one !== null && other !== null) return test(+(one.us ?? one), +(other.us ?? other), limits);
  const ignored = limits.ignore_row_if ?? "both_values_are_missing";
  return ignored == "either_value_is_missing" || one === other && ignored == "both_values_are_missing";
};
// end
const each = test => limits => {
  const check = test(limits);
  return ([value]) => value === null || check(value);
};
const unless = test => limits => {
  const check = test(limits);
  return value => !check(value);
};
const member = ({value_set}) => value => value_set.includes(value);
const match = ({pattern}) => value => new RegExp(pattern, "v").test(value);
const RULES = {
// if values_to_not_be_null
  values_to_not_be_null: () => ([value]) => value !== null,
// end
// if values_to_be_null
  values_to_be_null: () => ([value]) => value === null,
// end
// if values_to_be_between
  values_to_be_between: each(within),
// end
// if values_to_be_in_set
  values_to_be_in_set: each(member),
// end
// if values_to_not_be_in_set
  values_to_not_be_in_set: each(unless(member)),
// end
// if values_to_match_regex
  values_to_match_regex: each(match),
// end
// if values_to_not_match_regex
  values_to_not_match_regex: each(unless(match)),
// end
// if value_lengths_to_be_between
  value_lengths_to_be_between: each(limits => value => within(limits)([...value].length)),
// end
// if value_lengths_to_equal
  value_lengths_to_equal: each(limits => value => [...value].length == limits.value),
// end
// if pair_values_a_to_be_greater_than_b
  pair_values_a_to_be_greater_than_b: pair((a, b, limits) => a > b || Boolean(limits.or_equal) && a == b),
// end
// if pair_values_to_be_equal
  pair_values_to_be_equal: pair((a, b) => a == b),
// end
};

// tasks.row_contract.row_reader
const reader = contract => {
  const read = {number: number(contract.decimal), boolean, category, time: time(contract.time_zone)};
  const kinds = new Map(contract.kinds), known = new Set([...contract.columns, ...contract.known_columns]);
  const rules = contract.rules.map(({rule, columns, limits, reason}) =>
    ({columns, reason, check: RULES[rule.replace("expect_column_", "")](limits)}));
  return row => {
    const values = new Map(), faults = [], parts = [];
    const cell = (name, kind) => {
      const value = Object.hasOwn(row, name) ? row[name] ?? null : null;
      try {
        return value === null ? null : read[kind](value);
      } catch (code) {
        if (typeof code != "string") throw code;
        faults.push(`${code}:${name}`);
      }
    };
    for (const [name, kind] of kinds) values.set(name, cell(name, kind));
    for (const name of contract.ids) {
      const kind = name == contract.event_time ? "time" : "category";
      const value = kinds.get(name) == kind ? values.get(name) : cell(name, kind);
      if (value === null) faults.push(`missing_id:${name}`);
      else if (value !== undefined) parts.push(kind == "time" ? timeText(value) : value);
    }
    const timed = contract.event_time;
    if (values.get(timed) === null && !contract.ids.includes(timed)) faults.push(`missing_time:${timed}`);
    if (contract.new_columns == "refuse")
      for (const name of Object.keys(row)) if (!known.has(name)) faults.push(`unknown_column:${name}`);
    if (!faults.length)
      for (const rule of rules) if (!rule.check(rule.columns.map(name => values.get(name)))) faults.push(rule.reason);
    const escaped = parts.length == 1 ? parts : parts.map(part => part.replace(/[\\|]/g, "\\$&"));
    return {id: escaped.join("|"), values, faults: [...new Set(faults)].sort()};
  };
};

// tasks.row_contract.input_rows and tasks.inference.preprocessing
// if parts
const PARTS = {
  year: date => date.getUTCFullYear(),
  month: date => date.getUTCMonth() + 1,
  day_of_year: date => Math.floor((date - Date.UTC(date.getUTCFullYear(), 0)) / 864e5) + 1,
  weekday: date => (date.getUTCDay() + 6) % 7,
  hour: date => date.getUTCHours(),
};
// end
const days = origin => {
  const from = Date.parse(origin.length > 10 ? origin + "Z" : origin) * 1000;
  return ({us}) => (us - from) / 864e8;
};
const inputsOf = plan => {
  const made = [...plan.numbers, ...plan.booleans].map(name => [name, Number]);
  for (const [name, table] of plan.categories) {
    const codes = new Map(table.map((value, code) => [value, code]).reverse());
    made.push([name, value => codes.get(value) ?? NaN]);
  }
  // if parts
  for (const {column, kind, origin} of plan.dates)
    made.push([column, kind == "days" ? days(origin) : ({us}) => PARTS[kind](new Date(Math.floor(us / 1000)))]);
  // end
  if (plan.time) {
    const since = days(plan.time.origin);
    made.push([plan.event_time, moment => Math.min(since(moment), plan.time.held_at_days)]);
  }
  return values => made.map(([name, make]) => values.get(name) === null ? NaN : make(values.get(name)));
};
const missing = value => value != value;
// if steps
const preprocessed = (inputs, steps) => steps.flatMap(step => {
  let value = inputs[step.input];
  if (step.kind == "missing") return [+missing(value)];
  if (step.fill !== null && missing(value)) value = step.fill;
  if (step.kind == "number") return [(value - step.shift) / step.scale];
  return step.values.map(code => +(code === null ? missing(value) : value == code));
});
// end

// tasks.compact.compact_file
const below = (points, value, also) => {
  let low = 0, high = points.length;
  while (low < high) {
    const middle = low + high >> 1;
    if (also ? points[middle] <= value : points[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
};
const sumsOf = (base64, [leafType, leafStep]) => {
  const {buffer} = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
  const [kind, finish, splitBytes, leftBytes] = new Uint8Array(buffer, 12, 4);
  const [columns, outputs, trees, splits, leaves, width, points, words] = new Uint32Array(buffer, 16, 8);
  let at = 64;
  const section = (Type, count) => {
    const found = new Type(buffer, at, count);
    at += Math.ceil(found.byteLength / 8) * 8;
    return found;
  };
  const small = {1: Uint8Array, 2: Uint16Array, 4: Uint32Array};
  const start = section(Float64Array, outputs);
  // if linear
  if (kind == 2) {
    const weights = section(Float64Array, outputs * columns);
    return row => Array.from(start, (first, k) =>
      row.reduce((sum, value, c) => sum + value * weights[k * columns + c], 0) + first);
  }
  // end
  // if trees
  const LeafArray = {f8: Float64Array, f4: Float32Array, i2: Int16Array}[leafType];
  const point = section(Float64Array, points), leaf = section(LeafArray, leaves * width);
  const pointEnd = section(Uint32Array, columns), setEnd = section(Uint32Array, columns);
  const leafCount = section(Uint32Array, trees), set = section(Uint32Array, words);
  const column = section(Uint16Array, splits), split = section(small[splitBytes], splits);
  const left = section(small[leftBytes], splits), isCategory = section(Uint8Array, columns);
  const table = Array.from(pointEnd, (end, c) => point.subarray(c ? pointEnd[c - 1] : 0, end));
  const goesLeft = (codes, s) => {
    const c = column[s] & 0x7fff, code = codes[c];
    if (code < 0) return column[s] > 0x7fff;
    if (!isCategory[c]) return code <= split[s];
    const word = (c ? setEnd[c - 1] : 0) + split[s] * Math.ceil(table[c].length / 32) + (code >> 5);
    return set[word] >>> (code & 31) & 1;
  };
  return row => {
    const codes = row.map((value, c) => {
      const code = missing(value) ? -1 : below(table[c], value);
      return isCategory[c] && table[c][code] !== value ? -1 : code;
    });
    const sums = [...start];
    let s = 0, first = 0;
    for (let tree = 0; tree < trees; s += leafCount[tree] - 1, first += leafCount[tree++]) {
      let node = s, found = first, count = leafCount[tree];
      while (count > 1) {
        const step = left[node];
        if (goesLeft(codes, node)) node++, count = step;
        else node += step, found += step, count -= step;
      }
      if (width == 1) sums[tree % outputs] += leaf[found] * leafStep;
      else for (let k = 0; k < width; k++) sums[k] += leaf[found * width + k] * leafStep;
      // if single
      for (let k = 0; k < outputs; k++) sums[k] = Math.fround(sums[k]);
      // end
    }
    return finish == 1 ? sums.map(sum => sum / trees) : sums;
  };
  // end
};

// tasks.bundle.runtimes.answer_numbers
// if odds
const clip = share => Math.min(Math.max(share, 1e-9), 1 - 1e-9);
const logOdds = share => Math.log(clip(share) / (1 - clip(share)));
// end
const LINKS = {exp: Math.exp, logistic: score => 0.5 * (1 + Math.tanh(0.5 * score))};
// if calibration
const calibrated = (score, {kind, slope, intercept, scores: x, probabilities: y}) => {
  if (kind == "sigmoid") return LINKS.logistic(slope * score + intercept);
  const place = below(x, score, true) - 1;
  if (missing(score) || place < 0) return missing(score) ? NaN : y[0];
  if (place == x.length - 1 || x[place] == score) return y[place];
  return (y[place + 1] - y[place]) / (x[place + 1] - x[place]) * (score - x[place]) + y[place];
};
// end
// if multiclass
const ofClasses = (sums, plan) => {
  const levels = plan.offset.length ? plan.offset : sums.map(() => plan.offset);
  const scores = sums.map((sum, k) => (plan.probability ? Math.log(clip(sum)) : sum) + levels[k]);
  const total = list => list.reduce((sum, value) => sum + value, 0), most = Math.max(...scores);
  const powers = scores.map(score => Math.exp(score - most));
  let shares = powers.map(power => power / total(powers)), order = scores;
  // if calibration
  if (plan.calibration.length) {
    const tabled = shares.map((share, k) => calibrated(logOdds(share), plan.calibration[k]));
    order = shares = tabled.map(share => total(tabled) > 0 ? share / total(tabled) : 1 / shares.length);
  }
  // end
  const decision = order.indexOf(Math.max(...order)), confidence = Math.max(...shares);
  const unsure = plan.sure !== null && !(confidence >= plan.sure.threshold);
  return {prediction: decision, confidence, unsure, decision, shares};
};
// end
const numbersOf = (sums, inputs, plan) => {
  const {task, sure, calibration} = plan, [sum] = sums;
  // if multiclass
  if (task == "multiclass") return ofClasses(sums, plan);
  // end
  let score = plan.exponential ? Math.exp(sum) : sum;
  // if odds
  if (plan.probability) score = logOdds(sum);
  // end
  let prediction = (LINKS[plan.link] ?? Number)(score + plan.offset);
  // if calibration
  if (calibration.length) prediction = calibrated(score + plan.offset, calibration[0]);
  // end
  // if binary
  if (task == "binary") {
    const decision = +(sum >= plan.decide_from), isSure = !sure || sum >= sure.above || sum < sure.below;
    return {prediction, confidence: decision ? prediction : 1 - prediction, unsure: !isSure, decision};
  }
  // end
  let confidence = 0;
  // if table
  let cell = missing(sum) ? sure.edges.length : below(sure.edges, sum, true);
  for (const [column, edges] of sure.inputs) {
    const value = inputs[column];
    cell = cell * (edges.length + 2) + (missing(value) ? edges.length + 1 : below(edges, value, true));
  }
  confidence -= sure.errors[cell];
  // end
  return {prediction, confidence, unsure: Boolean(sure) && !(confidence >= sure.threshold), decision: 0};
};

// A damaged text, or an answer that differs from its reference, throws an Error.
const checksum = body => [0x01000193, 0x9e3779b1].map(factor => {
  let half = 0x811c9dc5;
  for (let i = 0; i < body.length; i++) half = Math.imul(half ^ body.charCodeAt(i), factor);
  return (half >>> 0).toString(16).padStart(8, "0");
}).join("");
const finite = value => Number.isFinite(value) ? value : null;
export class RowRefused extends Error {
  constructor(faults) {
    super(faults.join("; "));
    this.faults = faults;
  }
}
export const openBundle = file => {
  const end = file.indexOf("\n"), [format, protocol, sum] = file.slice(0, end).split(" "), body = file.slice(end + 1);
  if (format != "leeway-bundle" || protocol != "3") throw new Error("this is no bundle that this runtime reads");
  if (checksum(body) != sum) throw new Error("the bundle has changed since it was written; copy it again");
  const {about, contract, inputs: plan, answer: how, model, leaf, references} = JSON.parse(body);
  const read = reader(contract), inputsFrom = inputsOf(plan), sumsFrom = sumsOf(model, leaf);
  const computed = values => {
    const inputs = inputsFrom(values);
    let columns = inputs;
    // if steps
    columns = preprocessed(inputs, plan.steps);
    // end
    const sums = sumsFrom(columns);
    return {...numbersOf(sums, inputs, how), sums};
  };
  const found = row => {
    const {id, values, faults} = read(row);
    if (faults.length) return {refused: faults};
    const {sums, prediction, unsure, decision} = computed(values);
    return {id, sums: sums.map(finite), prediction: finite(prediction), unsure, decision};
  };
  const isStale = day => {
    const first = new Date(Date.parse(about.made_on) - 864e5).toISOString().slice(0, 10);
    return day < first || about.stale_on !== null && day >= about.stale_on;
  };
  const answer = (row, day = new Date().toISOString().slice(0, 10)) => {
    const {id, values, faults} = read(row);
    if (faults.length) throw new RowRefused(faults);
    if (isStale(day)) return {id, prediction: null, deferred: true, stale: true};
    const {prediction, confidence, unsure, decision, shares} = computed(values);
    const isFinite = Number.isFinite(prediction), assists = contract.degree == "assist";
    const later = assists || contract.degree == "partial" && unsure;
    const made = {id, prediction: null, deferred: later || !isFinite};
    if (assists) made.proposal = true;
    else if (later) return made;
    Object.assign(made, {prediction: finite(prediction), confidence});
    // if binary
    if (isFinite && how.task == "binary") made.decision = decision;
    // end
    // if multiclass
    if (isFinite && how.task == "multiclass") {
      made.prediction = how.classes[decision];
      made.probabilities = Object.fromEntries(how.classes.map((name, k) => [name, shares[k]]));
    }
    // end
    return made;
  };
  const isSame = (one, other, name) => Array.isArray(one)
    ? one.length == other.length && one.every((value, k) => Object.is(value, other[k]) || value === other[k])
    : one === other || name == "prediction" && one !== null && other !== null &&
      Math.abs(one - other) <= how.tolerance * Math.max(1, Math.abs(other));
  const differing = references.filter(reference => {
    const one = found(reference.row), names = Object.keys({...one, ...reference.found});
    return !names.every(name => name in one && name in reference.found && isSame(one[name], reference.found[name], name));
  });
  if (differing.length) throw new Error(`${differing.length} reference rows are not answered here as where the bundle was made`);
  return {about, contract, plan, task: how.task, rows: references.length, answer, found, isStale};
};
