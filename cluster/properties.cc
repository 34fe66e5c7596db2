#include "cluster/properties.h"

#include <optional>

namespace karst::cluster {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }

// Physical lines, and where we are.
class lines {
 public:
  explicit lines(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  std::size_t number() const { return number_; }

  std::string_view next() {
    ++number_;
    auto end = std::min(rest_.find_first_of("\r\n"), rest_.size());
    auto line = rest_.substr(0, end);
    auto skip = rest_.substr(end).starts_with("\r\n") ? 2U : 1U;
    rest_.remove_prefix(std::min(end + skip, rest_.size()));
    return line;
  }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

std::string_view without_leading_blanks(std::string_view line) {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  return line;
}

bool is_continued(std::string_view line) {
  std::size_t backslashes = 0;
  while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

// A logical line: continuation lines joined, their leading blanks dropped. Empty for blank lines
// and comments.
std::string logical_line(lines& source) {
  auto line = without_leading_blanks(source.next());
  if (line.empty() || line.front() == '#' || line.front() == '!') return {};
  std::string joined{line};
  while (is_continued(joined)) {
    joined.pop_back();
    if (source.done()) break;
    joined += without_leading_blanks(source.next());
  }
  return joined;
}

void append_utf8(std::string& to, unsigned code) {
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xc0 | (code >> 6));
    to += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    to += static_cast<char>(0xe0 | (code >> 12));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    to += static_cast<char>(0x80 | (code & 0x3f));
  }
}

std::optional<unsigned> hexadecimal(std::string_view digits) {
  if (digits.size() < 4) return std::nullopt;
  unsigned code = 0;
  for (char c : digits.substr(0, 4)) {
    auto lower = c >= 'A' && c <= 'F' ? c + 32 : c;
    if (lower >= '0' && lower <= '9') {
      code = code * 16 + static_cast<unsigned>(lower - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      code = code * 16 + static_cast<unsigned>(lower - 'a' + 10);
    } else {
      return std::nullopt;
    }
  }
  return code;
}

// nullopt for a malformed \u.
std::optional<std::string> unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      if (text[i] != '\\') plain += text[i];
      continue;
    }
    switch (auto escaped = text[++i]) {
      case 't':
        plain += '\t';
        break;
      case 'n':
        plain += '\n';
        break;
      case 'r':
        plain += '\r';
        break;
      case 'f':
        plain += '\f';
        break;
      case 'u': {
        auto code = hexadecimal(text.substr(i + 1));
        if (!code) return std::nullopt;
        append_utf8(plain, *code);
        i += 4;
        break;
      }
      default:
        plain += escaped;
    }
  }
  return plain;
}

// The end of the name: the first unescaped '=', ':' or blank.
std::size_t end_of_name(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && line[at] != '=' && line[at] != ':' && !is_blank(line[at])) {
    at += line[at] == '\\' ? 2 : 1;
  }
  return std::min(at, line.size());
}

}  // namespace

expected<std::vector<property>, error> parse_properties(std::string_view text,
                                                        std::string_view name) {
  std::vector<property> found;
  lines source{text};
  while (!source.done()) {
    auto first_line = source.number() + 1;
    auto line = logical_line(source);
    if (line.empty()) continue;
    if (line.contains('\0')) {
      return fail(errc::invalid, "give a text file with one name=value per line",
                  "{} line {} holds a NUL byte: not a properties file", name, first_line);
    }
    auto end = end_of_name(line);
    auto value = without_leading_blanks(std::string_view{line}.substr(end));
    if (!value.empty() && (value.front() == '=' || value.front() == ':')) {
      value = without_leading_blanks(value.substr(1));
    }
    auto plain_name = unescape(std::string_view{line}.substr(0, end));
    auto plain_value = unescape(value);
    if (!plain_name || !plain_value) {
      return fail(errc::invalid, "write \\u with four hexadecimal digits, or \\\\ for a backslash",
                  "{} line {} has a malformed \\u escape", name, first_line);
    }
    found.push_back({std::move(*plain_name), std::move(*plain_value), first_line});
  }
  return found;
}

}  // namespace karst::cluster
