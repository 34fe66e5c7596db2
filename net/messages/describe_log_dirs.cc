#include "net/messages/describe_log_dirs.h"

#include "net/wire/codec_definitions.h"

KARST_DEFINE_MESSAGE(karst::net::describe_log_dirs_request);
KARST_DEFINE_MESSAGE(karst::net::describe_log_dirs_response);
