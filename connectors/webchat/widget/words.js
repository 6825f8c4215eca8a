// The few words of the chat's own page, in the languages of the interface.

const ENGLISH = {
  placeholder: "Write a message…",
  send: "Send",
  attach: "Attach a file",
  close: "Close the chat",
  log: "Messages",
  remove: "Remove",
  retry: "Try again",
  sending: "Sending…",
  queued: "Will be sent when you are back online",
  sent: "Sent",
  you: "You",
  failed: "Not sent",
  edited: "edited",
  deleted: "This message was deleted.",
  connecting: "Connecting…",
  offline: "Offline",
  uploading: "uploading…",
  tooLarge: "This file is too large.",
  uploadFailed: "The file could not be uploaded. Try again.",
  tooLong: "The message is too long.",
  unavailable: "not available",
  accept: "Accept and start",
};

/** @type {Record<string, typeof ENGLISH>} */
const WORDS = {
  en: ENGLISH,
  "zh-CN": {
    placeholder: "输入消息…",
    send: "发送",
    attach: "添加文件",
    close: "关闭聊天",
    log: "消息",
    remove: "移除",
    retry: "重试",
    sending: "发送中…",
    queued: "恢复网络后将自动发送",
    sent: "已发送",
    you: "您",
    failed: "未发送",
    edited: "已编辑",
    deleted: "此消息已删除。",
    connecting: "连接中…",
    offline: "离线",
    uploading: "上传中…",
    tooLarge: "文件过大。",
    uploadFailed: "文件上传失败，请重试。",
    tooLong: "消息过长。",
    unavailable: "不可用",
    accept: "同意并开始",
  },
  "zh-TW": {
    placeholder: "輸入訊息…",
    send: "傳送",
    attach: "附加檔案",
    close: "關閉聊天",
    log: "訊息",
    remove: "移除",
    retry: "重試",
    sending: "傳送中…",
    queued: "恢復網路後將自動傳送",
    sent: "已傳送",
    you: "您",
    failed: "未傳送",
    edited: "已編輯",
    deleted: "此訊息已刪除。",
    connecting: "連線中…",
    offline: "離線",
    uploading: "上傳中…",
    tooLarge: "檔案過大。",
    uploadFailed: "檔案上傳失敗，請重試。",
    tooLong: "訊息過長。",
    unavailable: "無法使用",
    accept: "同意並開始",
  },
};

/**
 * The words for a language tag; unknown languages read English.
 * @param {string} language
 */
export function words(language) {
  const tag = language.toLowerCase();
  if (!tag.startsWith("zh")) return WORDS.en;
  return /hant|tw|hk|mo/.test(tag) ? WORDS["zh-TW"] : WORDS["zh-CN"];
}
