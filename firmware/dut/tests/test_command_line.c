/* Characters up to `%`. */
#include "check.h"
#include "command_line.h"

static struct command_line line;

/* What the last character of a text makes of it. */
static enum command_status take(const char *text, size_t count)
{
    enum command_status status = COMMAND_MORE;
    for (size_t k = 0u; k < count; k++) {
        CHECK(status == COMMAND_MORE);
        status = command_line_take(&line, (uint8_t)text[k]);
    }
    return status;
}

static enum command_status take_all(const char *text)
{
    command_line_clear(&line);
    return take(text, strlen(text));
}

static void commands_end_in_percent(void)
{
    CHECK(take_all("name") == COMMAND_MORE);
    CHECK(take("%", 1u) == COMMAND_READY);
    CHECK_TEXT(line.text, "name");
    CHECK(take_all("%") == COMMAND_EMPTY);
    CHECK(take_all("   %") == COMMAND_EMPTY);
}

static void eighty_characters_fit_and_no_more(void)
{
    char text[200];
    memset(text, 'a', sizeof text);
    for (size_t count = 1u; count < sizeof text; count++) {
        text[count] = '%';
        command_line_clear(&line);
        CHECK(take(text, count + 1u) == (count <= 80u ? COMMAND_READY : COMMAND_TOO_LONG));
        CHECK(strlen(line.text) == (count <= 80u ? count : 80u));
        text[count] = 'a';
    }
}

static void what_cannot_be_printed_is_told(void)
{
    for (int k = 0; k < 256; k++) {
        if (k == '%') {
            continue;
        }
        const char text[] = {'a', (char)k, '\r', 'b', '%'};
        command_line_clear(&line);
        CHECK(take(text, sizeof text) == COMMAND_BAD_CHARACTER);
        CHECK(line.bad_character == ((k < 0x20 || k > 0x7e) ? k : '\r'));
    }
    /* also past the 80 characters that are kept */
    command_line_clear(&line);
    for (int k = 0; k < 100; k++) {
        CHECK(command_line_take(&line, 'a') == COMMAND_MORE);
    }
    CHECK(take("\n%", 2u) == COMMAND_BAD_CHARACTER);
}

static void a_command_with_a_hole_is_damaged(void)
{
    command_line_clear(&line);
    (void)take("na", 2u);
    command_line_lost(&line, 3u);
    command_line_lost(&line, 4u);
    CHECK(take("me%", 3u) == COMMAND_DAMAGED);
    CHECK(line.lost == 7u);
    command_line_lost(&line, UINT32_MAX);
    CHECK(line.lost == UINT32_MAX);
    CHECK(take_all("name%") == COMMAND_READY);
}

static void words_are_split_at_spaces(void)
{
    char *words[3] = {NULL};
    CHECK(take_all("infer 10 1%") == COMMAND_READY);
    CHECK(command_line_words(&line, words, 3u) == 3u);
    CHECK_TEXT(words[0], "infer");
    CHECK_TEXT(words[1], "10");
    CHECK_TEXT(words[2], "1");
    CHECK(take_all("  a   b c d e %") == COMMAND_READY);
    CHECK(command_line_words(&line, words, 3u) == 3u);
    CHECK_TEXT(words[2], "c"); /* what is beyond is disregarded, and not part of it */
    CHECK(take_all("help  %") == COMMAND_READY);
    CHECK(command_line_words(&line, words, 3u) == 1u);
}

int main(void)
{
    commands_end_in_percent();
    eighty_characters_fit_and_no_more();
    what_cannot_be_printed_is_told();
    a_command_with_a_hole_is_damaged();
    words_are_split_at_spaces();
    return 0;
}
