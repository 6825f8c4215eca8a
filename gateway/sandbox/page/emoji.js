// The few emoji the desk knows by Slack's names; others show as :name:.

const CHARS = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", white_check_mark: "✅", heavy_check_mark: "✔️", eyes: "👀", tada: "🎉", heart: "❤️",
  pray: "🙏", wave: "👋", smile: "😄", slightly_smiling_face: "🙂", joy: "😂", cry: "😢", thinking_face: "🤔", fire: "🔥",
  rocket: "🚀", lock: "🔒", warning: "⚠️", x: "❌", question: "❓", hourglass_flowing_sand: "⏳", hourglass: "⌛",
  rotating_light: "🚨", bell: "🔔", package: "📦", truck: "🚚", clap: "👏", ok_hand: "👌", raised_hands: "🙌", star: "⭐",
  sparkles: "✨", no_entry: "⛔", arrows_counterclockwise: "🔄", exclamation: "❗", point_up: "☝️", memo: "📝",
};

export const QUICK = ["+1", "eyes", "tada", "heart"];

/** @param {string} name @returns {string} */
export const char = (name) => CHARS[name.split("::")[0]] ?? `:${name}:`;
